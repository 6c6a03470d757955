"""What every figure means: one definition each, from counts and sums that are folded event by event.

A tally folds (answer, target) pairs in order. With `growth` = 1 every event weighs the same; with growth > 1 each
event weighs that much more than the one before, which is exponential fading without touching the past. Sums run one
event at a time in scalar code: the same pairs give the same bits, however they came.

Figures that divide by nothing are None. Log loss clips probabilities to [1e-15, 1 - 1e-15].

References
----------
Cohen (1960), doi 10.1177/001316446002000104 (kappa). Brier (1950), doi 10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.
Gama, Sebastiao, Rodrigues (2013), doi 10.1007/s10994-012-5320-9 (prequential error with fading factors).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from math import isfinite, log, nan, sqrt
from typing import Any, Self

from engine.messages import Answer, Target
from engine.ranking import average_precision, roc_auc

PROBABILITY_MIN = 1e-15
CALIBRATION_BIN_COUNT = 10
_RESCALE_AT = 1e100

Pair = tuple[Answer, Target]


def ratio(part: float, whole: float) -> float | None:
    """Return part / whole, or None where whole is 0 or the sums have left the range of floats."""
    value = part / whole if whole else nan
    return value if isfinite(value) else None


class Tally(ABC):
    """What the tallies share: how many events were folded, and with what weight.

    Parameters
    ----------
    growth
        How much more each event weighs than the one before; 1 weighs all the same.
    """

    __slots__ = ("_growth", "_weight", "_weights", "count")

    def __init__(self, growth: float = 1.0) -> None:
        self.count = 0
        self._growth = growth
        self._weight = 1.0
        self._weights = 0.0

    @abstractmethod
    def fold(self, pairs: Iterable[Pair]) -> None:
        """Add the pairs, in order."""

    @abstractmethod
    def mean_loss(self) -> float | None:
        """Return the mean 0/1 loss, or the mean absolute error."""

    @abstractmethod
    def rates(self, costs: tuple[float, float] | None) -> dict[str, Any]:
        """Return the figures that are weighted means, fit for any weighting."""

    @abstractmethod
    def figures(self, costs: tuple[float, float] | None) -> dict[str, Any]:
        """Return the rates together with the counts they come from."""

    @abstractmethod
    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""

    @abstractmethod
    def restore(self, state: list[Any]) -> None:
        """Take back what `snapshot` returned."""

    def ranking(self, pairs: Sequence[Pair]) -> dict[str, float | None]:  # noqa: ARG002 - the binary tally's
        """Return the figures of the order of scores: they are defined for two classes."""
        return {}

    def copy(self) -> Self:
        """Return an independent copy."""
        twin = type(self)(self._growth)
        twin.restore(self.snapshot())
        return twin


class BinaryTally(Tally):
    """Counts and sums for a binary target.

    `accuracy` = (tp + tn) / n; `precision` = tp / (tp + fp); `recall` = tp / (tp + fn); `f1` = 2 tp / (2 tp + fp + fn);
    `balanced_accuracy` = mean recall over the classes that occurred; `kappa` = (accuracy - chance) / (1 - chance),
    chance from the two margins; `log_loss` = mean -ln p(truth), nats; `brier` = mean (p - y)^2; `cost` = mean of the
    costs of false positives and false negatives; `calibration_error` = mean |mean p - share positive| over ten equal
    bins of p, weighted by their counts.
    """

    __slots__ = ("_bins", "_brier", "_confusion", "_log_loss")

    def __init__(self, growth: float = 1.0) -> None:
        super().__init__(growth)
        self._confusion = [0.0, 0.0, 0.0, 0.0]
        self._log_loss = 0.0
        self._brier = 0.0
        self._bins = [[0.0, 0.0, 0.0] for _ in range(CALIBRATION_BIN_COUNT)]

    def fold(self, pairs: Iterable[Pair]) -> None:
        """Add the pairs, in order."""
        confusion, bins, growth = self._confusion, self._bins, self._growth
        weight, weights, log_loss, brier, count = self._weight, self._weights, self._log_loss, self._brier, self.count
        low, high, last_bin = PROBABILITY_MIN, 1.0 - PROBABILITY_MIN, CALIBRATION_BIN_COUNT - 1
        for (decision, p), y in pairs:
            count += 1
            weight *= growth
            weights += weight
            confusion[(2 if y else 0) + (1 if decision else 0)] += weight
            clipped = low if p < low else high if p > high else p  # type: ignore[operator]
            log_loss -= weight * log(clipped if y else 1.0 - clipped)  # type: ignore[operator,arg-type]
            gap = p - (1.0 if y else 0.0)  # type: ignore[operator]
            brier += weight * gap * gap
            at = int(p * CALIBRATION_BIN_COUNT)  # type: ignore[operator]
            bin_ = bins[at if at < last_bin else last_bin]
            bin_[0] += weight
            bin_[1] += weight * p  # type: ignore[operator]
            if y:
                bin_[2] += weight
        self._weight, self._weights, self._log_loss, self._brier, self.count = weight, weights, log_loss, brier, count
        if weight > _RESCALE_AT:
            self._rescale(1.0 / weight)

    def _rescale(self, scale: float) -> None:
        """Divide everything by the weight of the latest event, long before it could overflow."""
        self._weight = 1.0
        self._weights *= scale
        self._log_loss *= scale
        self._brier *= scale
        self._confusion = [value * scale for value in self._confusion]
        self._bins = [[value * scale for value in bin_] for bin_ in self._bins]

    def mean_loss(self) -> float | None:
        """Return the mean 0/1 loss."""
        _, fp, fn, _ = self._confusion
        return ratio(fp + fn, self._weights)

    def rates(self, costs: tuple[float, float] | None) -> dict[str, Any]:
        """Return the figures that are weighted means, fit for any weighting."""
        tn, fp, fn, tp = self._confusion
        n = self._weights
        recalls = [r for r in (ratio(tp, tp + fn), ratio(tn, tn + fp)) if r is not None]
        accuracy = ratio(tp + tn, n)
        chance = ratio((tp + fp) * (tp + fn) + (tn + fn) * (tn + fp), n * n)
        rates = {
            "accuracy": accuracy,
            "balanced_accuracy": ratio(sum(recalls), len(recalls)),
            "kappa": _kappa(accuracy, chance),
            "log_loss": ratio(self._log_loss, n),
            "brier": ratio(self._brier, n),
            "precision": ratio(tp, tp + fp),
            "recall": ratio(tp, tp + fn),
            "f1": ratio(2 * tp, 2 * tp + fp + fn),
            "calibration_error": ratio(sum(abs(total_p - total_y) for _, total_p, total_y in self._bins), n),
        }
        if costs is not None:
            rates["cost"] = ratio(costs[0] * fp + costs[1] * fn, n)
        return rates

    def figures(self, costs: tuple[float, float] | None) -> dict[str, Any]:
        """Return the rates together with the counts they come from."""
        tn, fp, fn, tp = (int(value) for value in self._confusion)
        bins = [
            {"count": int(n), "mean_probability": ratio(total_p, n), "share_positive": ratio(total_y, n)}
            for n, total_p, total_y in self._bins
        ]
        confusion = {"tp": tp, "fp": fp, "fn": fn, "tn": tn}
        return {"count": self.count, **self.rates(costs), "confusion": confusion, "calibration": bins}

    def ranking(self, pairs: Sequence[Pair]) -> dict[str, float | None]:
        """Return the exact ROC AUC and average precision over the pairs."""
        scores = [float(score) for (_, score), _ in pairs]  # type: ignore[arg-type]
        truths = [bool(y) for _, y in pairs]
        return {"roc_auc": roc_auc(scores, truths), "average_precision": average_precision(scores, truths)}

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        bins = [list(bin_) for bin_ in self._bins]
        return [self.count, self._weight, self._weights, list(self._confusion), self._log_loss, self._brier, bins]

    def restore(self, state: list[Any]) -> None:
        """Take back what `snapshot` returned."""
        self.count, self._weight, self._weights, confusion, self._log_loss, self._brier, bins = state
        self._confusion = list(confusion)
        self._bins = [list(bin_) for bin_ in bins]


class MulticlassTally(Tally):
    """Counts and sums for a target of several classes.

    `accuracy`, `kappa`, `log_loss` as in the binary case; `brier` = mean over events of the sum over classes of
    (p_k - [y = k])^2, 0 to 2; `balanced_accuracy` = mean recall over the classes that occurred as truth; `precision`,
    `recall`, `f1` are macro means over the classes that occurred as truth or as decision, an undefined one counting 0.
    A model that had no decision is wrong, and its probability of the truth is 0.
    """

    __slots__ = ("_brier", "_confusion", "_log_loss")

    def __init__(self, growth: float = 1.0) -> None:
        super().__init__(growth)
        self._confusion: dict[tuple[Target, Target | None], float] = {}
        self._log_loss = 0.0
        self._brier = 0.0

    def fold(self, pairs: Iterable[Pair]) -> None:
        """Add the pairs, in order."""
        confusion, growth = self._confusion, self._growth
        weight, weights, log_loss, brier, count = self._weight, self._weights, self._log_loss, self._brier, self.count
        for (decision, scores), y in pairs:
            count += 1
            weight *= growth
            weights += weight
            cell = (y, decision)
            confusion[cell] = confusion.get(cell, 0.0) + weight
            p = scores.get(y, 0.0)  # type: ignore[union-attr]
            log_loss -= weight * log(p if p > PROBABILITY_MIN else PROBABILITY_MIN)
            squares = 0.0
            for value in scores.values():  # type: ignore[union-attr]
                squares += value * value
            brier += weight * (squares - 2.0 * p + 1.0)
        self._weight, self._weights, self._log_loss, self._brier, self.count = weight, weights, log_loss, brier, count
        if weight > _RESCALE_AT:
            self._rescale(1.0 / weight)

    def _rescale(self, scale: float) -> None:
        """Divide everything by the weight of the latest event, long before it could overflow."""
        self._weight = 1.0
        self._weights *= scale
        self._log_loss *= scale
        self._brier *= scale
        self._confusion = {cell: value * scale for cell, value in self._confusion.items()}

    def mean_loss(self) -> float | None:
        """Return the mean 0/1 loss."""
        hits = sum(value for (y, decision), value in self._confusion.items() if y == decision)
        return ratio(self._weights - hits, self._weights)

    def rates(self, costs: tuple[float, float] | None) -> dict[str, Any]:  # noqa: ARG002 - costs are binary
        """Return the figures that are weighted means, fit for any weighting."""
        hits: dict[Target, float] = {}
        truths: dict[Target, float] = {}
        decided: dict[Target, float] = {}
        for (y, decision), value in self._confusion.items():
            truths[y] = truths.get(y, 0.0) + value
            if decision is not None:
                decided[decision] = decided.get(decision, 0.0) + value
            if y == decision:
                hits[y] = hits.get(y, 0.0) + value
        n = self._weights
        accuracy = ratio(sum(hits.values()), n)
        chance = ratio(sum(decided.get(k, 0.0) * total for k, total in truths.items()), n * n)
        classes = [*truths, *(k for k in decided if k not in truths)]
        per_class = [(hits.get(k, 0.0), truths.get(k, 0.0), decided.get(k, 0.0)) for k in classes]
        return {
            "accuracy": accuracy,
            "balanced_accuracy": ratio(sum(hits.get(k, 0.0) / total for k, total in truths.items()), len(truths)),
            "kappa": _kappa(accuracy, chance),
            "log_loss": ratio(self._log_loss, n),
            "brier": ratio(self._brier, n),
            "precision": ratio(sum((ratio(hit, said) or 0.0) for hit, _, said in per_class), len(per_class)),
            "recall": ratio(sum((ratio(hit, true) or 0.0) for hit, true, _ in per_class), len(per_class)),
            "f1": ratio(sum((ratio(2 * hit, true + said) or 0.0) for hit, true, said in per_class), len(per_class)),
        }

    def figures(self, costs: tuple[float, float] | None) -> dict[str, Any]:
        """Return the rates together with the confusion counts: one row per (truth, decision) that occurred."""
        cells = [
            {"truth": y, "decision": decision, "count": int(value)} for (y, decision), value in self._confusion.items()
        ]
        return {"count": self.count, **self.rates(costs), "confusion": cells}

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [self.count, self._weight, self._weights, dict(self._confusion), self._log_loss, self._brier]

    def restore(self, state: list[Any]) -> None:
        """Take back what `snapshot` returned."""
        self.count, self._weight, self._weights, confusion, self._log_loss, self._brier = state
        self._confusion = dict(confusion)


class RegressionTally(Tally):
    """Sums for a numeric target: `mae` = mean |e|; `rmse` = sqrt(mean e^2); `r2` = 1 - sum e^2 / sum (y - mean y)^2."""

    __slots__ = ("_absolute", "_mean", "_spread", "_squared")

    def __init__(self, growth: float = 1.0) -> None:
        super().__init__(growth)
        self._absolute = 0.0
        self._squared = 0.0
        self._mean = 0.0
        self._spread = 0.0

    def fold(self, pairs: Iterable[Pair]) -> None:
        """Add the pairs, in order; the spread of the target by West's weighted update."""
        for (value, _), y in pairs:
            self.count += 1
            self._weight *= self._growth
            weight = self._weight
            self._weights += weight
            error = value - y  # type: ignore[operator]
            self._absolute += weight * abs(error)
            self._squared += weight * error * error
            gap = y - self._mean  # type: ignore[operator]
            self._mean += gap * weight / self._weights
            self._spread += weight * gap * (y - self._mean)  # type: ignore[operator]
        if self._weight > _RESCALE_AT:
            scale = 1.0 / self._weight
            self._weight = 1.0
            self._weights *= scale
            self._absolute *= scale
            self._squared *= scale
            self._spread *= scale

    def mean_loss(self) -> float | None:
        """Return the mean absolute error."""
        return ratio(self._absolute, self._weights)

    def rates(self, costs: tuple[float, float] | None) -> dict[str, Any]:  # noqa: ARG002 - costs are binary
        """Return the figures that are weighted means, fit for any weighting."""
        mean_squared = ratio(self._squared, self._weights)
        unexplained = ratio(self._squared, self._spread)
        return {
            "mae": ratio(self._absolute, self._weights),
            "rmse": None if mean_squared is None else sqrt(mean_squared),
            "r2": None if unexplained is None else 1.0 - unexplained,
        }

    def figures(self, costs: tuple[float, float] | None) -> dict[str, Any]:
        """Return the rates and their count."""
        return {"count": self.count, **self.rates(costs)}

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [self.count, self._weight, self._weights, self._absolute, self._squared, self._mean, self._spread]

    def restore(self, state: list[Any]) -> None:
        """Take back what `snapshot` returned."""
        self.count, self._weight, self._weights, self._absolute, self._squared, self._mean, self._spread = state


def _kappa(accuracy: float | None, chance: float | None) -> float | None:
    """Return Cohen's kappa, None where chance alone is always right."""
    if accuracy is None or chance is None or chance >= 1.0:
        return None
    return (accuracy - chance) / (1.0 - chance)
