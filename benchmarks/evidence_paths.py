"""The evidence of many streams at once, by arithmetic of its own: what `engine.evidence` says, event by event.

Tests hold the two together, so that thousands of streams can be asked here what one engine would have done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

from benchmarks.paired_losses import Differences
from engine.evidence.bernstein import RATES
from engine.evidence.betting import BETS

Crossings: TypeAlias = NDArray[np.int64]
"""After how many events each stream's evidence was enough; 0 where it never was."""

Z_EVENTS_MIN = 100
CHUNK = 25
"""Streams taken at a time."""


def first_true(reached: NDArray[np.bool_]) -> Crossings:
    """Return the number of the first event at which it is so, from 1; 0 where it never is."""
    return np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, 0)


def log_betting(d: Differences) -> Differences:
    """Return the logarithm of the mean wealth of the bettors, after each event."""
    return _log_mean(np.stack([np.cumsum(np.log1p(bet * d), axis=1) for bet in BETS]))


def log_bernstein(d: Differences) -> Differences:
    """Return the logarithm of the mixture of exp(l S - psi(l) V), with c = 2, after each event."""
    total = np.cumsum(d, axis=1)
    before = np.concatenate([np.zeros((len(d), 1)), total[:, :-1]], axis=1)
    spread = np.cumsum((d - before / np.maximum(1, np.arange(d.shape[1]))) ** 2, axis=1)
    rates = np.array(RATES)[:, None, None]
    return _log_mean(rates * total - (-np.log1p(-2 * rates) - 2 * rates) / 4 * spread)


def log_mcnemar(d: Differences) -> Differences:
    """Return the logarithm of 2 P(p > 1/2) B(1 + a, 1 + b) 2^(a + b) after each event, once for each (a, b)."""
    wins, losses = np.cumsum(d == 1, axis=1), np.cumsum(d == -1, axis=1)
    base = int(losses.max()) + 1
    pairs, which = np.unique(wins * base + losses, return_inverse=True)
    a, b = pairs // base, pairs % base
    with np.errstate(divide="ignore"):
        tail = np.log(special.betainc(1.0 + b, 1.0 + a, 0.5))
    logs = np.log(2.0) + tail + special.betaln(1.0 + a, 1.0 + b) + (a + b) * np.log(2.0)
    return logs[which].reshape(d.shape)


def _log_mean(logs: Differences) -> Differences:
    top = logs.max(axis=0)
    return top + np.log(np.exp(logs - top).mean(axis=0))


FIXED: dict[str, Callable[[Differences], Differences]] = {
    "mcnemar": log_mcnemar,
    "betting": log_betting,
    "bernstein": log_bernstein,
}


def fixed_crossings(test: str, d: Differences, log_threshold: float) -> Crossings:
    """Return when a test with one start first reaches the threshold."""
    parts = [FIXED[test](d[at : at + CHUNK]) >= log_threshold for at in range(0, len(d), CHUNK)]
    return np.concatenate([first_true(part) for part in parts])


def restarting_crossings(d: Differences, log_threshold: float) -> Crossings:
    """Return when the mean of M, with M <- (M + 1)(1 + l d) at all but ties, first reaches the threshold."""
    bets, wanted = np.array(BETS), np.exp(log_threshold)
    wealth = np.zeros((len(d), len(bets)))
    found = np.zeros(len(d), dtype=np.int64)
    open_ = np.arange(len(d))
    for number, column in enumerate(d.T, 1):
        now = column[open_]
        moved = np.flatnonzero(now)
        if not moved.size:
            continue
        wealth[moved] = (wealth[moved] + 1.0) * (1.0 + bets * now[moved, None])
        done = wealth.mean(axis=1) >= wanted
        if done.any():
            found[open_[done]] = number
            open_, wealth = open_[~done], wealth[~done]
            if not open_.size:
                break
    return found


def peeking_crossings(d: Differences, quantile: float) -> Crossings:
    """Return when a z-test that is looked at after every event, from the hundredth on, first passes its quantile."""
    total, squares = np.cumsum(d, axis=1), np.cumsum(d * d, axis=1)
    n = np.arange(1, d.shape[1] + 1)
    variance = np.maximum(squares / n - (total / n) ** 2, 1e-12)
    reached = total / n > quantile * np.sqrt(variance / n)
    return first_true(reached & (n >= Z_EVENTS_MIN))
