"""The figures of a binary task, computed anew from (decision, probability, truth): plain sums, and scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, log
from typing import Any, NamedTuple

import pytest
from sklearn.metrics import average_precision_score, cohen_kappa_score, roc_auc_score

WINDOW_COUNT = 1_000
FADING_FACTOR = 0.999


class Scored(NamedTuple):
    """One answer as it was served, and the truth it was scored against."""

    decision: bool
    probability: float
    truth: bool


def binary_figures(scored: Sequence[Scored]) -> dict[str, Any]:
    """Return what a summary should say of these answers, scored in this order."""
    recent = scored[-WINDOW_COUNT:]
    newest = len(scored) - 1
    return {
        **_counted(scored),
        **_rates(scored, [1.0] * len(scored)),
        "window": {**_counted(recent), **_rates(recent, [1.0] * len(recent)), **_ranking(recent)},
        "fading": _rates(scored, [FADING_FACTOR ** (newest - i) for i in range(len(scored))]),
    }


def assert_same(said: Any, expected: Any, where: str = "") -> None:
    """Counts are equal, floats within 1e-12, and neither side knows more than the other."""
    if isinstance(expected, dict):
        assert said.keys() == expected.keys(), where
        for key, value in expected.items():
            assert_same(said[key], value, f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(said) == len(expected), where
        for i, value in enumerate(expected):
            assert_same(said[i], value, f"{where}[{i}]")
    elif isinstance(expected, float):
        assert said == pytest.approx(expected, rel=1e-12, abs=1e-12), where
    else:
        assert said == expected, where


def _counted(scored: Sequence[Scored]) -> dict[str, Any]:
    cells = {"tp": (True, True), "fp": (True, False), "fn": (False, True), "tn": (False, False)}
    bins = []
    for k in range(10):
        inside = [s for s in scored if min(int(s.probability * 10), 9) == k]
        bins.append(
            {
                "count": len(inside),
                "mean_probability": _mean([s.probability for s in inside]),
                "share_positive": _mean([float(s.truth) for s in inside]),
            }
        )
    return {
        "count": len(scored),
        "confusion": {name: sum((s.decision, s.truth) == cell for s in scored) for name, cell in cells.items()},
        "calibration": bins,
    }


def _rates(scored: Sequence[Scored], weights: Sequence[float]) -> dict[str, Any]:
    whole = fsum(weights)
    pairs = list(zip(scored, weights, strict=True))
    tp = fsum(w for s, w in pairs if s.decision and s.truth)
    fp = fsum(w for s, w in pairs if s.decision and not s.truth)
    fn = fsum(w for s, w in pairs if not s.decision and s.truth)
    tn = fsum(w for s, w in pairs if not s.decision and not s.truth)
    recalls = [part / (part + rest) for part, rest in ((tp, fn), (tn, fp)) if part + rest]
    truths, decisions = [s.truth for s in scored], [s.decision for s in scored]
    certain = len({*truths, *decisions}) < 2
    gaps = [fsum(w * (s.probability - s.truth) for s, w in pairs if _bin(s) == k) for k in range(10)]
    return {
        "accuracy": (tp + tn) / whole,
        "balanced_accuracy": sum(recalls) / len(recalls),
        "kappa": None if certain else float(cohen_kappa_score(truths, decisions, sample_weight=weights)),
        "log_loss": fsum(-w * log(_truths_share(s)) for s, w in pairs) / whole,
        "brier": fsum(w * (s.probability - s.truth) ** 2 for s, w in pairs) / whole,
        "precision": tp / (tp + fp) if tp + fp else None,
        "recall": tp / (tp + fn) if tp + fn else None,
        "f1": 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else None,
        "calibration_error": sum(map(abs, gaps)) / whole,
    }


def _ranking(scored: Sequence[Scored]) -> dict[str, float]:
    truths, scores = [s.truth for s in scored], [s.probability for s in scored]
    return {
        "roc_auc": float(roc_auc_score(truths, scores)),
        "average_precision": float(average_precision_score(truths, scores)),
    }


def _truths_share(scored: Scored) -> float:
    clipped = min(max(scored.probability, 1e-15), 1 - 1e-15)
    return clipped if scored.truth else 1 - clipped


def _bin(scored: Scored) -> int:
    return min(int(scored.probability * 10), 9)


def _mean(values: Sequence[float]) -> float | None:
    return fsum(values) / len(values) if values else None
