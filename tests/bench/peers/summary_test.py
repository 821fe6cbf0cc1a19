"""The arithmetic of summaries."""

import unittest

from peers.measurement import Figure, Limit, Target
from peers.rounds import Sample
from peers.server import Role
from peers.summary import Summary, spread_of

ROLES = {
    "tlsd": Role.SUBJECT,
    "two": Role.WORKERS,
    "fast": Role.PEER,
    "slow": Role.PEER,
    "tuned": Role.TUNED_PEER,
    "script": Role.INTEREST,
    "bare": Role.LIMIT,
    "bold": Role.LIMIT,
}


def summary_of(**values):
    """A summary of the figure "rate": a list of values for each server, one a round."""
    samples = [
        Sample("rate", name, number, value)
        for name, of_rounds in values.items()
        for number, value in enumerate(of_rounds)
        if value is not None
    ]
    return Summary(samples, ROLES)


def figure(*targets, **more):
    """The figure "rate"."""
    return Figure("rate", "Rate", "things", "per_second", targets=targets, **more)


class SpreadTest(unittest.TestCase):
    def test_it_is_the_median_and_the_ends(self):
        spread = spread_of([3, 1, 5])
        self.assertEqual((3, 1, 5), (spread.median, spread.low, spread.high))

    def test_the_median_of_two_is_between_them(self):
        self.assertEqual(1.5, spread_of([1, 2]).median)

    def test_it_is_half_of_the_range_over_the_median(self):
        self.assertAlmostEqual(2 / 3, spread_of([3, 1, 5]).relative)

    def test_one_value_has_none(self):
        self.assertEqual(0, spread_of([7]).relative)

    def test_a_median_of_zero_has_none(self):
        self.assertEqual(0, spread_of([-1, 0, 1]).relative)


class SummaryTest(unittest.TestCase):
    def test_the_best_peer_has_the_best_median(self):
        summary = summary_of(fast=[10, 10, 1], slow=[9, 9, 99])
        self.assertEqual("fast", summary.best(figure(), Role.PEER))

    def test_the_best_peer_has_the_least_where_less_is_better(self):
        summary = summary_of(fast=[10], slow=[9])
        self.assertEqual("slow", summary.best(figure(less_is_better=True), Role.PEER))

    def test_neither_a_tuned_server_nor_another_is_the_best_peer(self):
        summary = summary_of(fast=[10], tuned=[99], script=[99], bare=[99])
        self.assertEqual("fast", summary.best(figure(), Role.PEER))

    def test_nobody_is_the_best_of_nobody(self):
        self.assertIsNone(summary_of(tlsd=[1]).best(figure(), Role.PEER))

    def test_an_advantage_is_the_median_of_the_rounds(self):
        # The ratio of the medians would be 20 / 10.
        summary = summary_of(tlsd=[10, 20, 60], fast=[10, 5, 20])
        self.assertEqual(3, summary.beside(figure(), Role.PEER).advantage.median)

    def test_an_advantage_is_upside_down_where_less_is_better(self):
        summary = summary_of(tlsd=[5], fast=[10])
        advantage = summary.beside(figure(less_is_better=True), Role.PEER).advantage
        self.assertEqual(2, advantage.median)

    def test_a_round_without_the_other_does_not_count(self):
        summary = summary_of(tlsd=[10, 20], fast=[None, 5])
        self.assertEqual(4, summary.beside(figure(), Role.PEER).advantage.median)

    def test_there_is_no_advantage_without_a_round_in_common(self):
        summary = summary_of(tlsd=[10, None], fast=[None, 5])
        self.assertIsNone(summary.beside(figure(), Role.PEER))

    def test_nothing_is_an_advantage_of_zero(self):
        comparison = summary_of(tlsd=[0], fast=[5]).beside(figure(), Role.PEER)
        self.assertEqual(0, comparison.advantage.median)

    def test_nobody_stands_beside_nothing(self):
        self.assertIsNone(summary_of(tlsd=[5], fast=[0]).beside(figure(), Role.PEER))

    def test_names_are_in_the_order_of_the_run(self):
        summary = summary_of(slow=[1], fast=[1], tlsd=[1])
        self.assertEqual(["tlsd", "fast", "slow"], summary.servers("rate"))
        self.assertEqual(["fast", "slow"], summary.names((Role.PEER,)))


class LimitTest(unittest.TestCase):
    def limits(self, summary, *limits):
        return summary.beside_limits(figure(limits=limits))

    def test_a_role_means_its_best_server(self):
        (comparison,) = self.limits(summary_of(tlsd=[40], bare=[50], bold=[45]), Role.LIMIT)
        self.assertEqual(("bare", 0.8), (comparison.name, comparison.advantage.median))

    def test_it_is_told_from_the_same_round(self):
        limit = Limit("twice as slow", lambda of: of("rate", "slow") * 2)
        summary = summary_of(tlsd=[10, 10, 10], slow=[5, 10, 20])
        (comparison,) = self.limits(summary, limit)
        advantage = comparison.advantage
        self.assertEqual("twice as slow", comparison.name)
        self.assertEqual((0.5, 0.25, 1), (advantage.median, advantage.low, advantage.high))

    def test_a_role_that_is_looked_up_is_its_best_server_of_all_rounds(self):
        limit = Limit("bare", lambda of: of("rate", Role.LIMIT))
        summary = summary_of(tlsd=[10, 10, 10], bare=[20, 20, 20], bold=[1, 1, 99])
        self.assertEqual(20, self.limits(summary, limit)[0].other.high)

    def test_a_role_without_servers_is_not_known(self):
        limit = Limit("bare", lambda of: of("rate", Role.LIMIT))
        self.assertEqual([None, None], self.limits(summary_of(tlsd=[10]), limit, Role.LIMIT))

    def test_each_has_its_place(self):
        unknown = Limit("unknown", lambda of: None)
        first, second = self.limits(summary_of(tlsd=[10], bare=[20]), unknown, Role.LIMIT)
        self.assertIsNone(first)
        self.assertEqual("bare", second.name)

    def test_a_figure_has_none_unless_it_says_so(self):
        self.assertEqual([], self.limits(summary_of(tlsd=[10], bare=[20])))


class VerdictTest(unittest.TestCase):
    def verdict(self, summary, target, **more):
        return summary.verdicts(figure(target, **more))[0]

    def test_the_best_peer_is_beaten_by_enough(self):
        target = Target("best peer", 1.5)
        self.assertTrue(self.verdict(summary_of(tlsd=[15], fast=[10]), target).is_met)
        self.assertFalse(self.verdict(summary_of(tlsd=[14], fast=[10]), target).is_met)

    def test_the_best_tuned_peer_is_another(self):
        summary = summary_of(tlsd=[15], fast=[10], tuned=[12])
        self.assertEqual(1.25, self.verdict(summary, Target("best tuned peer", 1)).reached)

    def test_a_value_is_large_enough(self):
        target = Target("value", 0.95)
        self.assertTrue(self.verdict(summary_of(tlsd=[0.96]), target).is_met)
        self.assertFalse(self.verdict(summary_of(tlsd=[0.9]), target).is_met)

    def test_a_value_is_small_enough_where_less_is_better(self):
        target = Target("value", 20)
        self.assertTrue(self.verdict(summary_of(tlsd=[19]), target, less_is_better=True).is_met)
        self.assertFalse(self.verdict(summary_of(tlsd=[21]), target, less_is_better=True).is_met)

    def test_two_workers_stand_beside_one(self):
        summary = summary_of(tlsd=[10], two=[19])
        verdict = self.verdict(summary, Target("one worker", 1.9))
        self.assertEqual("two", verdict.comparison.subject)
        self.assertTrue(verdict.is_met)

    def test_the_first_limit_counts(self):
        limits = (Limit("far", lambda of: 20), Limit("near", lambda of: 10))
        verdict = self.verdict(summary_of(tlsd=[10]), Target("limit", 0.8), limits=limits)
        self.assertEqual(("far", 0.5), (verdict.comparison.name, verdict.reached))
        self.assertFalse(verdict.is_met)

    def test_it_is_open_if_the_first_limit_is_not_known(self):
        limits = (Limit("unknown", lambda of: None), Limit("near", lambda of: 10))
        verdict = self.verdict(summary_of(tlsd=[10]), Target("limit", 0.8), limits=limits)
        self.assertIsNone(verdict.is_met)

    def test_it_is_open_without_a_peer(self):
        self.assertIsNone(self.verdict(summary_of(tlsd=[15]), Target("best peer", 1)).is_met)


if __name__ == "__main__":
    unittest.main()
