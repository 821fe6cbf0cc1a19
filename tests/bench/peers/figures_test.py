"""What is measured, and the limits of what can be."""

import unittest

from peers import figures, libraries, limits, rounds, system_calls
from peers.measurement import Figure, Measurement
from peers.processes import Failure
from peers.server import Role

STRACE = """\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 61.86    0.001234           4       300        12 epoll_wait
 20.00    0.000400           2       200           read
 18.14    0.000362           3       101           pread64
------ ----------- ----------- --------- --------- ----------------
100.00    0.001996           3       601        12 total
"""


class SystemCallsTest(unittest.TestCase):
    def test_calls_are_summed_without_the_total(self):
        self.assertEqual(601, system_calls.total(STRACE))

    def test_nothing_is_no_call(self):
        self.assertEqual(0, system_calls.total(""))

    def test_errors_are_no_calls(self):
        self.assertEqual(5, system_calls.total("  1.00  0.000001   1   5   4 accept4\n"))


class SpeedTest(unittest.TestCase):
    def test_rates_are_read(self):
        text = "+F2:2:2048:3500.5:120000.0\n+F4:3:256:58000.0:20000.0\n+F5:22:253:20600.0:0.00005\n"
        self.assertEqual(
            {"rsa-2048-sign": 3500.5, "p256-sign": 58000, "x25519-shared": 20600},
            libraries.parse_speed(text),
        )

    def test_bytes_are_read_as_megabytes(self):
        text = "+H:16384\n+F:25:AES-128-GCM:4500000000.00\n"
        self.assertEqual({"aes-128-gcm": 4500}, libraries.parse_speed(text))

    def test_other_keys_are_passed_over(self):
        self.assertEqual({}, libraries.parse_speed("+F2:2:4096:500.0:30000.0\n+DT:x\n\n"))


class LimitTest(unittest.TestCase):
    library = {
        ("p256-sign", "BoringSSL"): 100,
        ("x25519-key", "BoringSSL"): 50,
        ("x25519-shared", "BoringSSL"): 25,
        ("rsa-2048-sign", "BoringSSL"): 20,
    }
    cleartext = {("cleartext", Role.LIMIT): 200}

    def values(self, limits_of_figure, rates):
        """What each limit is where these are the rates by figure and server."""
        return [limit.of(lambda *asked: rates.get(asked)) for limit in limits_of_figure]

    def assert_values(self, expected, limits_of_figure, rates):
        for value, other in zip(expected, self.values(limits_of_figure, rates), strict=True):
            self.assertAlmostEqual(value, other)

    def test_a_full_handshake_is_its_public_key_work_and_a_connection(self):
        rates = {**self.library, **self.cleartext}
        self.assert_values([1 / 0.07, 1 / 0.075], limits.FULL, rates)

    def test_a_resumed_one_does_not_sign(self):
        rates = {**self.library, **self.cleartext}
        self.assert_values([1 / 0.06, 1 / 0.065], limits.RESUMED["1.3"], rates)

    def test_a_resumed_one_of_tls_1_2_is_a_connection(self):
        self.assert_values([200], limits.RESUMED["1.2"], self.cleartext)

    def test_what_is_not_known_of_the_parts_is_not_known_of_the_whole(self):
        alone, with_connection = self.values(limits.FULL, self.library)
        self.assertAlmostEqual(1 / 0.07, alone)
        self.assertIsNone(with_connection)
        without_sign = {**self.library, ("p256-sign", "BoringSSL"): None, **self.cleartext}
        self.assertEqual([None, None], self.values(limits.FULL, without_sign))

    def test_one_of_rsa_is_one_of_ecdsa_with_another_signature(self):
        rates = {**self.library, **self.cleartext, ("full-1.3", "tlsd"): 10}
        expected = [1 / (0.1 - 0.01 + 0.05), 1 / (0.06 + 0.05 + 0.005)]
        self.assert_values(expected, limits.rsa_handshake("full-1.3"), rates)

    def test_no_signing_limits_what_was_not_measured_with_ecdsa(self):
        rates = {**self.library, ("full-1.2", "tlsd"): 10}
        self.assertEqual([None, None], self.values(limits.rsa_handshake("full-1.3"), rates))

    def test_a_stream_is_grpc_and_tls(self):
        *roles, both = limits.stream("stream")
        self.assertEqual([Role.GRPC, Role.ECHO], roles)
        rates = {("stream", Role.GRPC): 30, ("stream", Role.ECHO): 60}
        self.assert_values([20], [both], rates)
        self.assertEqual([None], self.values([both], {("stream", Role.GRPC): 30}))

    def test_a_target_of_a_limit_has_one(self):
        for figure in (figure for each in figures.ALL for figure in each.figures):
            if "limit" in [target.against for target in figure.targets]:
                self.assertTrue(figure.limits, figure.name)


class SelectTest(unittest.TestCase):
    def names(self, *patterns):
        return [measurement.name for measurement in figures.select(patterns)]

    def test_everything_if_nothing_is_asked_for(self):
        self.assertEqual(len(figures.ALL), len(figures.select([])))

    def test_a_pattern_means_several(self):
        self.assertEqual(["full-1.3", "full-1.2"], self.names("full-*"))

    def test_a_figure_means_its_measurement(self):
        self.assertEqual(["down"], self.names("fairness-down"))

    def test_a_figure_that_is_not_there(self):
        with self.assertRaisesRegex(Failure, "no figure is called 'nothing'; there are: .*down"):
            self.names("full-1.3", "nothing")

    def test_names_are_unique(self):
        names = [figure.name for measurement in figures.ALL for figure in measurement.figures]
        self.assertEqual(len(names), len(set(names)))


class FakeServer:
    """A server that measures nothing."""

    name = "fake"
    role = Role.PEER
    log = []
    cannot_start = False
    unfit_for = frozenset()

    def __init__(self, site):
        self.site = site

    def start(self):
        self.log.append(f"{self.name} starts")
        if self.cannot_start:
            raise Failure("no")

    def stop(self):
        self.log.append(f"{self.name} stops")

    def version(self):
        return "1"


def fake(name, **more):
    return type(name, (FakeServer,), {"name": name, **more})


RATE = Figure("rate", "Rate", "things", "per_second", scale=2)


class RoundsTest(unittest.TestCase):
    def setUp(self):
        FakeServer.log = []

    def run_rounds(self, kinds, round_count=1, take=lambda *_: {"per_second": 3}, **more):
        measurement = Measurement("rates", (Role.PEER,), (RATE,), take, **more)
        run = rounds.Rounds(None, None, kinds)
        run.run([measurement], round_count)
        return run

    def test_each_round_begins_with_another(self):
        run = self.run_rounds([fake("a"), fake("b")], 3)
        order = [(sample.round, sample.server) for sample in run.samples]
        self.assertEqual([(0, "a"), (0, "b"), (1, "b"), (1, "a"), (2, "a"), (2, "b")], order)

    def test_values_are_scaled(self):
        self.assertEqual(6, self.run_rounds([fake("a")]).samples[0].value)

    def test_a_server_runs_through_all_rounds(self):
        self.run_rounds([fake("a")], 2)
        self.assertEqual(["a starts", "a stops"], FakeServer.log)

    def test_a_fresh_server_runs_for_one_sample(self):
        self.run_rounds([fake("a")], 2, needs_fresh_server=True)
        self.assertEqual(["a starts", "a stops"] * 2, FakeServer.log)

    def test_those_of_another_role_are_left_out(self):
        run = self.run_rounds([fake("a", role=Role.INTEREST), fake("b")])
        self.assertEqual(["b"], [sample.server for sample in run.samples])

    def test_those_that_are_unfit_are_left_out(self):
        run = self.run_rounds([fake("a", unfit_for={"rates"}), fake("b", unfit_for={"others"})])
        self.assertEqual(["b"], [sample.server for sample in run.samples])

    def test_one_that_cannot_start_is_not_asked_again(self):
        run = self.run_rounds([fake("a", cannot_start=True), fake("b")], 2)
        self.assertEqual(1, FakeServer.log.count("a starts"))
        self.assertEqual(["a, rates: no"], run.failures)
        self.assertEqual({"b"}, {sample.server for sample in run.samples})

    def test_a_load_that_fails_leaves_the_others(self):
        def take(_, server):
            if server.name == "a":
                raise Failure("reset")
            return {"per_second": 3}

        run = self.run_rounds([fake("a"), fake("b")], 2, take)
        self.assertEqual(["a, rates: reset"] * 2, run.failures)
        self.assertEqual(2, len(run.samples))

    def test_what_the_load_does_not_tell_is_a_failure(self):
        run = self.run_rounds([fake("a")], take=lambda bench, server: {"count": 3})
        self.assertEqual(["a, rate: the load does not tell per_second"], run.failures)

    def test_what_is_no_number_is_a_failure(self):
        run = self.run_rounds([fake("a")], take=lambda bench, server: {"per_second": float("nan")})
        self.assertEqual(["a, rate: nan"], run.failures)

    def test_servers_end_when_the_run_is_broken_off(self):
        def take(_, server):
            raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            self.run_rounds([fake("a")], take=take)
        self.assertEqual(["a starts", "a stops"], FakeServer.log)

    def test_one_that_is_broken_off_while_it_starts_ends(self):
        def start(server):
            server.log.append("begins")
            raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            self.run_rounds([fake("a", start=start)])
        self.assertEqual(["begins", "a stops"], FakeServer.log)

    def test_what_is_not_possible_is_left_out(self):
        run = self.run_rounds([fake("a")], is_possible=lambda: False)
        self.assertEqual(([], []), (run.samples, FakeServer.log))


if __name__ == "__main__":
    unittest.main()
