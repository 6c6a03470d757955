"""`fhddm()`: compares the error rate of a sliding window with the lowest it was, by Hoeffding's bound."""

from __future__ import annotations

from collections import deque
from math import log, sqrt
from typing import ClassVar

from engine.drift.checked import CheckedDetector
from engine.drift.detector import Verdict
from engine.drift.parameters import check_order, check_share, check_whole


class Fhddm(CheckedDetector):
    """The Fast Hoeffding Drift Detection Method: alarms when a window's error rate exceeds its lowest by the bound.

    The bound is sqrt(ln(1 / delta) / (2 w)). With a short window beside the long one this is FHDDMS.

    Parameters
    ----------
    window
        Values in the window (w).
    confidence
        Delta.
    short_window
        Values in a second, shorter window at the end of the first; None for none.

    Notes
    -----
    O(short window) in time, O(window) in memory. Starts anew after an alarm. It never warns. An alarm is a *rise* of
    errors; River's (0.26.1) alarms where ours does on the flipped stream, and hears improvement only. At the defaults
    the bound is .26: it is not for rare events.

    References
    ----------
    Pesaranghader and Viktor 2016, doi 10.1007/978-3-319-46227-1_7; FHDDMS: Pesaranghader et al. 2018,
    doi 10.1007/s10994-018-5719-z.
    """

    name = "fhddm"
    binary_only = True
    _KEPT: ClassVar[tuple[str, ...]] = ("_recent", "_errors", "_lowest", "_short_lowest")

    def __init__(self, window: int = 100, confidence: float = 1e-6, short_window: int | None = None) -> None:
        check_whole(self.name, 2, window=window)
        check_share(self.name, confidence=confidence)
        if short_window is not None:
            check_whole(self.name, 1, short_window=short_window)
            check_order(self.name, short_window=short_window, window=window)
        self._window = window
        self._bound = sqrt(log(1.0 / confidence) / (2 * window))
        self._short = short_window or 0
        self._short_bound = sqrt(log(1.0 / confidence) / (2 * self._short)) if self._short else 0.0
        self._start()

    def _start(self) -> None:
        self._recent: deque[float] = deque()
        self._errors = 0.0
        self._lowest = float(self._window)
        self._short_lowest = float(self._short)

    def _take(self, value: float) -> Verdict:
        self._recent.append(value)
        self._errors += value
        if len(self._recent) > self._window:
            self._errors -= self._recent.popleft()
        if len(self._recent) < self._window:
            return Verdict.STABLE
        self._lowest = min(self._lowest, self._errors)
        risen = (self._errors - self._lowest) / self._window > self._bound
        if self._short:
            errors = sum(self._recent[index] for index in range(-self._short, 0))
            self._short_lowest = min(self._short_lowest, errors)
            risen = risen or (errors - self._short_lowest) / self._short > self._short_bound
        if risen:
            self._start()
            return Verdict.DRIFT
        return Verdict.STABLE
