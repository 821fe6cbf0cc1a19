"""What the samples of a run say: medians, spreads, and how tlsd stands beside the others."""

import statistics
from dataclasses import dataclass
from typing import Optional

from peers.measurement import Target
from peers.server import Role

SUBJECT = "tlsd"


@dataclass(frozen=True)
class Spread:
    """Values of several rounds."""

    median: float
    low: float
    high: float

    @property
    def relative(self):
        """Half of the range, over the median; 0 for a median of 0."""
        return (self.high - self.low) / 2 / abs(self.median) if self.median else 0


def spread_of(values):
    """The spread of at least one value."""
    return Spread(statistics.median(values), min(values), max(values))


@dataclass(frozen=True)
class Comparison:
    """A server, tlsd as a rule, beside another or a limit: in each round, and their median."""

    subject: str
    name: str
    other: Spread  # what the other has reached
    advantage: Spread


@dataclass(frozen=True)
class Verdict:
    """A target, beside whom it is, and what was reached of it: None if that is not known."""

    target: Target
    comparison: Optional[Comparison]  # for a target of the value itself: the best peer
    reached: Optional[float]
    is_at_most: bool = False

    @property
    def is_met(self):
        """To the two decimals that the tables show."""
        if self.reached is None:
            return None
        reached = round(self.reached, 2)
        bound = self.target.bound
        return reached <= bound if self.is_at_most else reached >= bound


class Summary:
    """The samples of a run, by figure and server."""

    def __init__(self, samples, roles):
        """`roles` are the servers' by name."""
        self._roles = roles
        self._values = {}
        for sample in samples:
            by_round = self._values.setdefault((sample.figure, sample.server), {})
            by_round[sample.round] = sample.value

    def value(self, figure, server, number):
        """What a round has told, or None."""
        return self._values.get((figure, server), {}).get(number)

    def spread(self, figure, server):
        """Over the rounds, or None if there is no value."""
        values = self._values.get((figure, server))
        return spread_of(list(values.values())) if values else None

    def servers(self, figure):
        """The names of those who have values of a figure, in the order of the run."""
        return [name for name in self._roles if (figure, name) in self._values]

    def role(self, server):
        """What a server is in the run for."""
        return self._roles[server]

    def names(self, roles):
        """The names of the servers of these roles that have values, in the order of the run."""
        known = {server for _, server in self._values}
        return [name for name, role in self._roles.items() if role in roles and name in known]

    def best(self, figure, role):
        """The name of the best server of a role, or None."""
        return self._best(figure.name, role, min if figure.less_is_better else max)

    def _best(self, figure, role, choose):
        names = [name for name in self.servers(figure) if self._roles[name] is role]
        return choose(names, key=lambda name: self.spread(figure, name).median, default=None)

    def beside(self, figure, role):
        """tlsd beside the best server of a role, or None."""
        best = self.best(figure, role)
        return self.compare(figure, best) if best else None

    def compare(self, figure, name):
        """tlsd beside a server, or None if they have no round in common."""
        return self._compare(figure, name, lambda number: self.value(figure.name, name, number))

    def beside_limits(self, figure):
        """tlsd beside each limit of a figure, which is of the same round; None for those that are
        not known."""
        return [self._beside_limit(figure, limit) for limit in figure.limits]

    def _beside_limit(self, figure, limit):
        if isinstance(limit, Role):
            return self.beside(figure, limit)
        return self._compare(
            figure, limit.title, lambda number: limit.of(self._look_up(number))
        )

    def _look_up(self, number):
        """What limits look up in a round."""

        def of(figure, server):
            if isinstance(server, Role):
                server = self._best(figure, server, max)
            return self.value(figure, server, number)

        return of

    def verdicts(self, figure):
        """Each target of a figure."""
        return [self._verdict(figure, target) for target in figure.targets]

    def _verdict(self, figure, target):
        if target.against == "value":
            spread = self.spread(figure.name, SUBJECT)
            reached = spread.median if spread else None
            return Verdict(target, self.beside(figure, Role.PEER), reached, figure.less_is_better)
        comparison = {
            "best peer": lambda: self.beside(figure, Role.PEER),
            "best tuned peer": lambda: self.beside(figure, Role.TUNED_PEER),
            "limit": lambda: self._beside_limit(figure, figure.limits[0]),
            "one worker": lambda: self._beside_one_worker(figure),
        }[target.against]()
        return Verdict(target, comparison, comparison.advantage.median if comparison else None)

    def _beside_one_worker(self, figure):
        workers = self.best(figure, Role.WORKERS)
        if workers is None:
            return None
        return self._compare(
            figure, SUBJECT, lambda number: self.value(figure.name, SUBJECT, number), workers
        )

    def _compare(self, figure, name, other_in, subject=SUBJECT):
        others, advantages = [], []
        for number, own in self._values.get((figure.name, subject), {}).items():
            other = other_in(number)
            if other is None:
                continue
            better, worse = (other, own) if figure.less_is_better else (own, other)
            if worse != 0:
                others.append(other)
                advantages.append(better / worse)
        if not advantages:
            return None
        return Comparison(subject, name, spread_of(others), spread_of(advantages))
