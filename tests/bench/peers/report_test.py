"""What is written about a run."""

import dataclasses
import json
import os
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

from peers import plot, report
from peers.measurement import Figure, Limit, Target
from peers.rounds import Sample
from peers.server import Role
from peers.summary import Summary, spread_of

RATE = Figure(
    "rate",
    "Rate & more",
    "things",
    "per_second",
    targets=(Target("best peer", 1.5),),
    limits=(
        Limit("what is possible", lambda of: 4000),
        Limit("what is likely", lambda of: 3500),
        Limit("what nobody knows", lambda of: None),
        Role.PEER,
    ),
)
RUN = {
    "date": "2026-01-02",
    "machine": {"system": "S", "kernel": "K", "processors": 2, "processor": "P", "memory_mib": 7},
    "versions": {"tlsd": "1", "haproxy": "2.6"},
    "rounds": 2,
    "seconds": 1,
    "failures": [],
    "samples": [],
}


def summary_of(*samples):
    roles = {"tlsd": Role.SUBJECT, "haproxy": Role.PEER, "BoringSSL": Role.LIBRARY}
    return Summary([Sample(*sample) for sample in samples], roles)


TWO = summary_of(
    ("rate", "tlsd", 0, 3000), ("rate", "tlsd", 1, 3300), ("rate", "haproxy", 0, 1500),
    ("rate", "haproxy", 1, 1500),
)  # fmt: skip


class TextTest(unittest.TestCase):
    def test_a_number_has_three_digits_at_least(self):
        self.assertEqual("1 234 567", plot.number(1234567.4))
        self.assertEqual("1 000", plot.number(1000))
        self.assertEqual("999", plot.number(999))
        self.assertEqual("0.0123", plot.number(0.01234))

    def test_a_spread_is_shown_if_there_is_one(self):
        self.assertEqual("100 ±10 %", report.value_text(spread_of([90, 100, 110])))
        self.assertEqual("100", report.value_text(spread_of([100, 100])))
        self.assertEqual("-", report.value_text(None))

    def test_columns_are_aligned(self):
        self.assertEqual(
            "| a   | b |\n|-----|---|\n| one | 2 |\n", report.markdown(["a", "b"], [["one", "2"]])
        )


class TableTest(unittest.TestCase):
    def test_it_says_what_was_reached_of_a_target(self):
        row = "| 3 150 ±5 % | haproxy: 1 500 | 2.10x ±5 % | 1.5x   | yes |"
        self.assertIn("| [Rate & more](rate.svg) " + row, report.table(RUN, [RATE], TWO))

    def test_it_says_what_was_not_reached(self):
        summary = summary_of(("rate", "tlsd", 0, 10), ("rate", "haproxy", 0, 10))
        self.assertIn("| 1.00x     | 1.5x   | no  |", report.table(RUN, [RATE], summary))

    def test_it_says_what_is_possible(self):
        table = report.table(RUN, [RATE], TWO)
        self.assertIn("| 3 150 ±5 % | what is possible: 4 000 | 0.79x ±5 %", table)
        self.assertIn("| 3 150 ±5 % | what is likely: 3 500   | 0.90x ±5 %", table)
        self.assertNotIn("nobody", table)
        self.assertNotIn("Limits", report.table(RUN, [dataclasses.replace(RATE, limits=())], TWO))

    def test_libraries_have_a_table_of_their_own(self):
        summary = summary_of(("rate", "BoringSSL", 0, 10))
        self.assertIn("| library alone | unit   | BoringSSL |", report.table(RUN, [RATE], summary))
        self.assertNotIn("library alone", report.table(RUN, [RATE], TWO))

    def test_it_says_what_failed(self):
        run = {**RUN, "failures": ["hitch, rate: it has ended"]}
        self.assertIn("- hitch, rate: it has ended\n", report.table(run, [RATE], TWO))
        self.assertNotIn("failed", report.table(RUN, [RATE], TWO))


class PlotTest(unittest.TestCase):
    def bars(self, figure, summary):
        drawn = ElementTree.fromstring(plot.draw(figure, summary))
        tag = "{http://www.w3.org/2000/svg}"
        return [float(bar.get("width")) for bar in drawn.iter(tag + "rect")][1:]

    def test_a_bar_is_as_long_as_its_median(self):
        own, other = self.bars(RATE, TWO)
        self.assertAlmostEqual(2.1, own / other, 2)

    def test_a_figure_without_values_has_no_bar(self):
        self.assertEqual([], self.bars(RATE, summary_of()))

    def words(self, drawn):
        tag = "{http://www.w3.org/2000/svg}text"
        return {text.text: float(text.get("y")) for text in ElementTree.fromstring(drawn).iter(tag)}

    def test_it_shows_each_limit_that_is_known_and_no_bar(self):
        words = self.words(plot.draw(RATE, TWO))
        limits = {text: y for text, y in words.items() if ":" in text}
        self.assertEqual({"what is possible: 4 000", "what is likely: 3 500"}, limits.keys())
        self.assertEqual(2, len(set(limits.values())), "one is over the other")
        self.assertNotIn("what is possible", plot.draw(RATE, summary_of()))

    def test_it_has_room_for_its_words(self):
        for limits in (RATE.limits, ()):
            drawn = plot.draw(dataclasses.replace(RATE, limits=limits), TWO)
            height = float(ElementTree.fromstring(drawn).get("height"))
            self.assertLess(max(self.words(drawn).values()), height)


class WriteTest(unittest.TestCase):
    def test_it_writes_a_table_results_and_a_plot(self):
        with tempfile.TemporaryDirectory() as folder:
            report.write(os.path.join(folder, "new"), RUN, [RATE], TWO)
            folder = os.path.join(folder, "new")
            self.assertEqual(["rate.svg", "results.json", "table.md"], sorted(os.listdir(folder)))
            with open(os.path.join(folder, "results.json"), encoding="utf-8") as file:
                rate = json.load(file)["figures"]["rate"]
        self.assertEqual({"median": 3150, "low": 3000, "high": 3300}, rate["servers"]["tlsd"])
        self.assertEqual("haproxy", rate["targets"][0]["comparison"]["beside"])
        self.assertTrue(rate["targets"][0]["met"])
        self.assertEqual(
            ["what is possible", "what is likely", None, "haproxy"],
            [limit and limit["beside"] for limit in rate["limits"]],
        )


if __name__ == "__main__":
    unittest.main()
