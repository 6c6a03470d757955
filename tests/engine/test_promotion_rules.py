"""What promotion rules refuse, in words that say the remedy."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import ConfigError
from engine.evidence.rules import EvidenceRules
from engine.promotion_rules import PromotionRules
from engine.targets import Task


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"margin": 1.0}, "margin must be at least -1 and less than 1, got 1.0"),
        ({"margin": 0.1, "evidence": EvidenceRules("fixed", "mcnemar")}, "knows no margin, got 0.1; use betting"),
        ({"matured_count_min": -1}, "matured_count_min must be at least 0, got -1"),
        ({"epoch_inputs": 0}, "epoch_inputs must be at least 1, got 0"),
        ({"harm_run_length": 0.5}, "harm_run_length must be at least 1, got 0.5"),
    ],
)
def test_what_cannot_be_kept_to_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        PromotionRules(**given)


@pytest.mark.parametrize(
    ("rules", "task", "says"),
    [
        (PromotionRules(loss="brier"), Task.MULTICLASS, "the loss brier is not for a multiclass task; use zero_one"),
        (PromotionRules(), Task.REGRESSION, "set it, in the unit of the target"),
        (PromotionRules(evidence=EvidenceRules("fixed", "mcnemar"), loss="brier"), Task.BINARY, "use the test betting"),
    ],
)
def test_a_loss_that_the_task_or_the_test_does_not_have_is_refused(
    rules: PromotionRules, task: Task, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        rules.loss_for(task, None)
