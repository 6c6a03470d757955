"""The promise as a value: what cannot be is refused, and thresholds are what the proofs ask for."""

from __future__ import annotations

from math import inf, log, nan
from typing import Any

import pytest

from engine.errors import ConfigError
from engine.evidence.bernstein import Bernstein
from engine.evidence.betting import Betting
from engine.evidence.mcnemar import McNemar
from engine.evidence.restarting import Restarting
from engine.evidence.rules import EvidenceRules


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"rule": "peeking"}, "one of restarting, fixed, got 'peeking'"),
        ({"test": "z"}, "one of mcnemar, betting, bernstein, got 'z'"),
        ({"test": "mcnemar"}, "the restarting rule bets, got the test 'mcnemar'"),
        ({"alpha": 0.0}, "alpha must be between 0 and 1, got 0.0"),
        ({"alpha": 1.0}, "alpha must be between 0 and 1, got 1.0"),
        ({"alpha": nan}, "alpha must be between 0 and 1, got nan"),
        ({"run_length": 0.5}, "run_length must be at least 1 and finite, got 0.5"),
        ({"run_length": inf}, "run_length must be at least 1 and finite, got inf"),
        ({"run_length": nan}, "run_length must be at least 1 and finite, got nan"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        EvidenceRules(**given)


@pytest.mark.parametrize(
    ("rules", "kind"),
    [
        (EvidenceRules(), Restarting),
        (EvidenceRules(rule="fixed"), Betting),
        (EvidenceRules(rule="fixed", test="mcnemar"), McNemar),
        (EvidenceRules(rule="fixed", test="bernstein"), Bernstein),
    ],
)
def test_each_rule_makes_its_own_evidence_anew(rules: EvidenceRules, kind: type) -> None:
    made = rules.make()
    assert type(made) is kind
    assert rules.make() is not made


def test_the_threshold_grows_with_the_challengers() -> None:
    fixed, restarting = EvidenceRules(rule="fixed", alpha=0.01), EvidenceRules(run_length=5_000)
    assert fixed.log_threshold(1) == pytest.approx(log(100))
    assert fixed.log_threshold(3) == pytest.approx(log(300))
    assert restarting.log_threshold(1) == pytest.approx(log(5_000))
    assert restarting.log_threshold(4) == pytest.approx(log(20_000))


def test_no_challenger_is_no_comparison() -> None:
    with pytest.raises(ValueError, match="challenger_count must be at least 1, got 0"):
        EvidenceRules().log_threshold(0)
