"""What a promotion promises: which evidence is gathered, and how much of it is enough.

Only the rule lives here, as a frozen value. It counts challengers because each is one more chance of a false promotion;
it knows nothing else of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log

from engine.errors import ConfigError
from engine.evidence.bernstein import Bernstein
from engine.evidence.betting import Betting
from engine.evidence.evidence import Evidence
from engine.evidence.mcnemar import McNemar
from engine.evidence.restarting import Restarting
from engine.values import show_value

RULES = ("restarting", "fixed")
TESTS: dict[str, type[McNemar | Betting | Bernstein]] = {
    "mcnemar": McNemar,
    "betting": Betting,
    "bernstein": Bernstein,
}
"""The tests by name. `mcnemar` takes 0/1 losses only."""


@dataclass(frozen=True, slots=True)
class EvidenceRules:
    """How false promotions are bounded.

    `restarting` forgets a bad past: while no challenger is better, the mean number of matured events until the first
    false promotion is at least `run_length`, over all challengers together. `fixed` looks from one start: while none is
    better, the chance that any is ever promoted is at most `alpha`. Neither minds how often one looks.

    Parameters
    ----------
    rule
        `restarting` or `fixed`.
    test
        `mcnemar`, `betting` or `bernstein`; `restarting` knows `betting` only.
    alpha
        Of `fixed`: the bearable chance of a false promotion, between 0 and 1.
    run_length
        Of `restarting`: the bearable mean distance between false promotions, in matured events, at least 1.

    Raises
    ------
    ConfigError
        Where a name is unknown, a number out of range, or a test does not go with the rule.

    Examples
    --------
    >>> rules = EvidenceRules(run_length=50_000)
    >>> evidence = rules.make()
    >>> for _ in range(40):
    ...     evidence.add(1.0)
    >>> evidence.log_e >= rules.log_threshold(challenger_count=2)
    True
    """

    rule: str = "restarting"
    test: str = "betting"
    alpha: float = 0.05
    run_length: float = 100_000

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.rule not in RULES:
            msg = f"an evidence rule is one of {', '.join(RULES)}, got {show_value(self.rule)}"
            raise ConfigError(msg)
        if self.test not in TESTS:
            msg = f"an evidence test is one of {', '.join(TESTS)}, got {show_value(self.test)}"
            raise ConfigError(msg)
        if self.rule == "restarting" and self.test != "betting":
            msg = f"the restarting rule bets, got the test {self.test!r}: use betting, or the rule fixed"
            raise ConfigError(msg)
        if not 0.0 < self.alpha < 1.0:
            msg = f"alpha must be between 0 and 1, got {self.alpha!r}"
            raise ConfigError(msg)
        if not 1.0 <= self.run_length < inf:
            msg = f"run_length must be at least 1 and finite, got {self.run_length!r}"
            raise ConfigError(msg)

    def make(self) -> Evidence:
        """Return new evidence, for one challenger."""
        return Restarting() if self.rule == "restarting" else TESTS[self.test]()

    def log_threshold(self, challenger_count: int) -> float:
        """Return what `Evidence.log_e` must reach where so many challengers are compared with one champion.

        It is ln(K / alpha) for `fixed` (Bonferroni) and ln(K run_length) for `restarting`: the sum of the K processes
        grows by at most K an event, so the first to reach K N takes N events in the mean, however they depend on each
        other.
        """
        if challenger_count < 1:
            msg = f"challenger_count must be at least 1, got {challenger_count!r}"
            raise ValueError(msg)
        level = self.run_length if self.rule == "restarting" else 1.0 / self.alpha
        return log(challenger_count) + log(level)
