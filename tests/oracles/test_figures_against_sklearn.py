"""Every figure equals scikit-learn's, over everything, over the window, and faded (as sample weights)."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from engine.messages import Answer, Target
from engine.prequential import FADING_FACTOR, Prequential
from engine.ranking import average_precision, roc_auc
from engine.targets import Task

probabilities = st.one_of(st.floats(0.0, 1.0), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]))
binary_pairs = st.lists(st.tuples(st.tuples(st.booleans(), probabilities), st.booleans()), min_size=1, max_size=700)


def read(task: Task, pairs: list[tuple[Answer, Target]], window: int = 1000) -> dict[str, Any]:
    figures = Prequential(task, window)
    for answer, target in pairs:
        figures.add(answer, target)
    return figures.read()


def same(ours: float | None, theirs: float) -> None:
    assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-9)


def binary_oracle(pairs: list[tuple[Answer, Target]], weights: np.ndarray, ours: dict[str, Any]) -> None:
    y = np.array([t for _, t in pairs])
    decision = np.array([a[0] for a, _ in pairs])
    p = np.array([a[1] for a, _ in pairs], dtype=float)
    clipped = np.clip(p, 1e-15, 1 - 1e-15)
    log_losses = -np.where(y, np.log(clipped), np.log(1 - clipped))
    same(ours["accuracy"], sk.accuracy_score(y, decision, sample_weight=weights))
    same(ours["log_loss"], float(np.average(log_losses, weights=weights)))
    same(ours["brier"], float(np.average((p - y) ** 2, weights=weights)))
    if len(set(y)) == 2:
        same(ours["balanced_accuracy"], sk.balanced_accuracy_score(y, decision, sample_weight=weights))
    if len(set(y) | set(decision)) == 2:
        same(ours["kappa"], sk.cohen_kappa_score(y, decision, sample_weight=weights))
    if any(decision):
        same(ours["precision"], sk.precision_score(y, decision, sample_weight=weights))
    if any(y):
        same(ours["recall"], sk.recall_score(y, decision, sample_weight=weights))
    if any(y) or any(decision):
        same(ours["f1"], sk.f1_score(y, decision, sample_weight=weights))


@given(binary_pairs, st.integers(1, 300))
@settings(max_examples=60, deadline=None)
def test_binary_figures(pairs: list[tuple[Answer, Target]], window: int) -> None:
    ours = read(Task.BINARY, pairs, window)
    n = len(pairs)
    binary_oracle(pairs, np.ones(n), ours)
    binary_oracle(pairs[-window:], np.ones(min(window, n)), ours["window"])
    binary_oracle(pairs, FADING_FACTOR ** np.arange(n - 1, -1, -1, dtype=float), ours["fading"])
    tn, fp, fn, tp = sk.confusion_matrix([t for _, t in pairs], [a[0] for a, _ in pairs], labels=[False, True]).ravel()
    assert ours["confusion"] == {"tp": tp, "fp": fp, "fn": fn, "tn": tn}


@given(st.lists(st.tuples(probabilities, st.booleans()), min_size=1, max_size=400))
@settings(max_examples=100, deadline=None)
def test_ranking_figures_are_exact_ties_and_all(scored: list[tuple[float, bool]]) -> None:
    scores, truths = [s for s, _ in scored], [t for _, t in scored]
    if len(set(truths)) == 2:
        same(roc_auc(scores, truths), sk.roc_auc_score(truths, scores))
    else:
        assert roc_auc(scores, truths) is None
    if any(truths):
        same(average_precision(scores, truths), sk.average_precision_score(truths, scores))
    else:
        assert average_precision(scores, truths) is None


@st.composite
def multiclass_pair(draw: st.DrawFn) -> tuple[Answer, Target]:
    classes = ["a", "b", 3]
    raw = [draw(st.integers(0, 4)) for _ in classes]
    total = sum(raw)
    scores: dict[Target, float] = {c: r / total for c, r in zip(classes, raw, strict=True)} if total else {}
    decision = max(scores, key=scores.__getitem__) if scores else None
    return (decision, scores), draw(st.sampled_from(classes))


@given(st.lists(multiclass_pair(), min_size=1, max_size=400))
@settings(max_examples=60, deadline=None)
def test_multiclass_figures(pairs: list[tuple[Answer, Target]]) -> None:
    ours = read(Task.MULTICLASS, pairs)
    y = [str(t) for _, t in pairs]
    decision = [str(a[0]) for a, _ in pairs]
    labels = sorted((set(y) | set(decision)) - {"None"})
    same(ours["accuracy"], sk.accuracy_score(y, decision))
    macro = {"labels": labels, "average": "macro", "zero_division": 0}
    same(ours["precision"], sk.precision_score(y, decision, **macro))
    same(ours["recall"], sk.recall_score(y, decision, **macro))
    same(ours["f1"], sk.f1_score(y, decision, **macro))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        same(ours["balanced_accuracy"], sk.balanced_accuracy_score(y, decision))
        if len(set(y) | set(decision)) > 1:
            same(ours["kappa"], sk.cohen_kappa_score(y, decision))
    brier = [
        sum(((a[1].get(c, 0.0)) - (c == t)) ** 2 for c in ["a", "b", 3])  # type: ignore[union-attr]
        for a, t in pairs
    ]
    same(ours["brier"], float(np.mean(brier)))
    log_losses = [-np.log(max(a[1].get(t, 0.0), 1e-15)) for a, t in pairs]  # type: ignore[union-attr]
    same(ours["log_loss"], float(np.mean(log_losses)))


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=2, max_size=600))
@settings(max_examples=60, deadline=None)
def test_regression_figures(values: list[tuple[float, float]]) -> None:
    ours = read(Task.REGRESSION, [((p, p), y) for p, y in values])
    p, y = np.array([v[0] for v in values]), np.array([v[1] for v in values])
    same(ours["mae"], sk.mean_absolute_error(y, p))
    same(ours["rmse"], sk.root_mean_squared_error(y, p))
    if y.std() > 1e-6:
        assert ours["r2"] == pytest.approx(sk.r2_score(y, p), rel=1e-6, abs=1e-6)
        weights = FADING_FACTOR ** np.arange(len(y) - 1, -1, -1, dtype=float)
        assert ours["fading"]["r2"] == pytest.approx(sk.r2_score(y, p, sample_weight=weights), rel=1e-6, abs=1e-6)


def test_calibration_bins_hold_every_answer_and_their_gap() -> None:
    pairs: list[tuple[Answer, Target]] = [((False, i / 1000), i % 3 == 0) for i in range(1001)]
    ours = read(Task.BINARY, pairs)
    assert sum(b["count"] for b in ours["calibration"]) == 1001
    assert ours["calibration"][9]["count"] == 101
    gaps = [abs(b["mean_probability"] - b["share_positive"]) * b["count"] for b in ours["calibration"]]
    same(ours["calibration_error"], sum(gaps) / 1001)


def test_costs_are_counted_per_event() -> None:
    figures = Prequential(Task.BINARY, 10, (1.0, 20.0))
    for decision, y in [(True, False), (False, True), (True, True), (False, False)]:
        figures.add((decision, 0.5), y)
    assert figures.read()["cost"] == 21.0 / 4


@given(binary_pairs, st.integers(0, 700))
@settings(max_examples=40, deadline=None)
def test_reading_changes_nothing_and_restoring_continues_bit_for_bit(
    pairs: list[tuple[Answer, Target]], cut: int
) -> None:
    plain, read_often, second = (Prequential(Task.BINARY, 100) for _ in range(3))
    for i, (answer, target) in enumerate(pairs):
        plain.add(answer, target)
        read_often.add(answer, target)
        if i % 37 == 0:
            read_often.read()
        if i == cut:
            second.restore(plain.snapshot())
        elif i > cut:
            second.add(answer, target)
    assert repr(read_often.snapshot()) == repr(plain.snapshot())
    if cut < len(pairs):
        assert repr(second.read()) == repr(plain.read())


def test_fading_never_overflows() -> None:
    figures = Prequential(Task.REGRESSION, 10)
    for i in range(600_000):
        figures.add((0.0, 0.0), 1.0 if i < 300_000 else 3.0)
    assert figures.read()["fading"]["mae"] == pytest.approx(3.0)


def test_a_model_that_runs_away_leaves_figures_that_are_undefined_not_infinite() -> None:
    figures = Prequential(Task.REGRESSION, 10)
    for value in (1e200, -1.7e308, 1.0):
        figures.add((value, value), 1.7e308)
    data = figures.read()
    assert [data[name] for name in ("mae", "rmse", "r2")] == [None, None, None]
    assert figures.recent_loss() is None
