"""Linear models: one weighted sum of features for each output, and one step down the gradient of a loss.

Arrays, K outputs (1, but for softmax its classes), F features (see `engine.kernels.scaling`):

- `weights` (K, F + buckets, cells): see `engine.kernels.descent`; buckets come with the first feature that needs one.
- `columns` (F, 5): see `engine.kernels.scaling`.
- `state` (1 + classes, 17): the settings, then a row for each class, of which the first K belong to an output as well.

An answer is the probability of True, the number, or the probability of each class. Scaling is learned before an example
is, so its own features are scaled by what they have just moved; sums run over features in order, intercept first.
"""

from __future__ import annotations

from math import exp
from typing import Any, Final

from engine.kernels.descent import (
    FTRL,
    INTERCEPT,
    INTERCEPT_RATE,
    L1,
    OPTIMIZER,
    PENALTY,
    RATE,
    STEPS,
    W,
    move,
    pay,
    rate_at,
    rate_of_step,
)
from engine.kernels.ground import LEARN, OP, PREDICT, TARGET, WEIGHT, inlined, kernel, part
from engine.kernels.scaling import feature, observe

LOSS: Final = 12
LOSS_SHAPE: Final = 13
GRADIENT_MAX: Final = 14
SCALED: Final = 15
"""Settings, after those of `engine.kernels.descent`; the last is a checksum of what the arrays do not show."""

LOGISTIC: Final = 0.0
SQUARED: Final = 1.0
ABSOLUTE: Final = 2.0
HUBER: Final = 3.0
QUANTILE: Final = 4.0
SOFTMAX: Final = 5.0

SEEN: Final = 3
SHARE: Final = 4
LINK: Final = 5
"""Of a class: the weight of its examples, what its examples weigh (0: in balance), and its sum for the last example."""

MARGIN_MIN: Final = -18.0
"""An answer wrong by more than this, in log odds, is wrong by as much as can be, as in River."""

PROBABILITY_MIN: Final = 1e-15
"""Softmax takes probabilities as at least this, and as at most 1 less this, for its gradient, as River does."""


@inlined
def link(weights: Any, columns: Any, state: Any, rows: Any, i: int, k: int) -> float:
    """Return an output's intercept plus its weighted sum of the features."""
    total = state[1 + k, INTERCEPT]
    mask = weights.shape[1] - columns.shape[0] - 1
    for f in range(columns.shape[0]):
        place, value = feature(columns, mask, rows, i, f)
        if place >= 0:
            total += weights[k, place, W] * value
    return total


@part
def probability(total: float) -> float:
    """Return the probability whose log odds these are."""
    if total >= 0.0:
        return 1.0 / (1.0 + exp(-total))
    odds = exp(total)
    return odds / (1.0 + odds)


@part
def normalize(answer: Any, state: Any) -> None:
    """Turn the sums of the classes into probabilities; a class that was never learned has none."""
    best = -1e308
    for k in range(answer.shape[0]):
        if state[1 + k, STEPS] > 0.0:
            best = max(best, answer[k])
    whole = 0.0
    for k in range(answer.shape[0]):
        answer[k] = exp(answer[k] - best) if state[1 + k, STEPS] > 0.0 else 0.0
        whole += answer[k]
    if whole > 0.0:
        for k in range(answer.shape[0]):
            answer[k] /= whole


@inlined
def predict(weights: Any, columns: Any, state: Any, rows: Any, i: int, answers: Any) -> None:
    """Fill the answer."""
    for k in range(weights.shape[0]):
        answers[i, k] = link(weights, columns, state, rows, i, k)
    if state[0, LOSS] == LOGISTIC:
        answers[i, 0] = probability(answers[i, 0])
    elif state[0, LOSS] == SOFTMAX:
        normalize(answers[i], state)


@part
def slope(loss: float, shape: float, said: float, target: float) -> float:
    """Return the derivative of a loss by the sum, where one sum is the whole answer."""
    away = said - target
    if loss == LOGISTIC:
        sign = 1.0 if target > 0.5 else -1.0
        return -sign if said * sign < MARGIN_MIN else -sign / (exp(said * sign) + 1.0)
    if loss == SQUARED:
        return 2.0 * away
    if loss == ABSOLUTE:
        return 1.0 if away > 0.0 else -1.0
    if loss == HUBER:
        return min(max(away, -shape), shape)
    return (1.0 if away > 0.0 else 0.0) - shape


@part
def share_of(state: Any, c: int) -> float:
    """Return what an example of a class weighs; in balance, all classes seen so far weigh as much together."""
    if state[1 + c, SHARE] > 0.0:
        return state[1 + c, SHARE]
    total = 0.0
    classes = 0.0
    for k in range(1, state.shape[0]):
        total += state[k, SEEN]
        classes += 1.0 if state[k, SEEN] > 0.0 else 0.0
    return total / (classes * state[1 + c, SEEN])


@inlined
def descend(weights: Any, columns: Any, state: Any, rows: Any, i: int, k: int, gradient: float) -> None:
    """Move an output's intercept and the weights of the features that are there."""
    gradient = min(max(gradient, -state[0, GRADIENT_MAX]), state[0, GRADIENT_MAX])
    step = state[1 + k, STEPS]
    state[1 + k, INTERCEPT] -= rate_at(state, INTERCEPT_RATE, step) * gradient
    rate = rate_of_step(state, step)
    state[1 + k, STEPS] = step + 1.0
    paying = state[0, L1] > 0.0 and state[0, OPTIMIZER] != FTRL
    if paying:
        state[1 + k, PENALTY] += state[0, L1] * rate_at(state, RATE, step + 1.0)
    due = state[1 + k, PENALTY]
    mask = weights.shape[1] - columns.shape[0] - 1
    for f in range(columns.shape[0]):
        place, value = feature(columns, mask, rows, i, f)
        if place >= 0:
            move(weights, k, place, state, gradient * value, rate)
            if paying:
                pay(weights, k, place, due)


@inlined
def slope_of(state: Any, target: float, k: int) -> float:
    """Return the derivative of the loss by an output's sum, 0 where a class has nothing to learn yet."""
    if state[0, LOSS] != SOFTMAX:
        return slope(state[0, LOSS], state[0, LOSS_SHAPE], state[1 + k, LINK], target)
    share = min(max(state[1 + k, LINK], PROBABILITY_MIN), 1.0 - PROBABILITY_MIN)
    return share - 1.0 if k == int(target) else share


@inlined
def learn(weights: Any, columns: Any, state: Any, rows: Any, i: int) -> None:
    """Learn one example: the scaling, then a step for each output that has something to learn from it."""
    if state[0, SCALED] > 0.0:
        observe(columns, rows, i)
    loss, target, weight = state[0, LOSS], rows[i, TARGET], rows[i, WEIGHT]
    if loss in (LOGISTIC, SOFTMAX):
        state[1 + int(target), SEEN] += weight
        weight *= share_of(state, int(target))
    for k in range(weights.shape[0]):
        state[1 + k, LINK] = link(weights, columns, state, rows, i, k)
    if loss == SOFTMAX:
        normalize(state[1:, LINK], state)
    for k in range(weights.shape[0]):
        if loss != SOFTMAX or k == int(target) or state[1 + k, STEPS] > 0.0:
            descend(weights, columns, state, rows, i, k, weight * slope_of(state, target, k))


@kernel("int64(float64[:,:,::1], float64[:,::1], float64[:,::1], float64[:,::1], float64[:,::1], int64)")
def take(weights: Any, columns: Any, state: Any, rows: Any, answers: Any, begin: int) -> int:
    """Take the steps from `begin` on; return how many there are."""
    for i in range(begin, rows.shape[0]):
        if rows[i, OP] != LEARN:
            predict(weights, columns, state, rows, i, answers)
        if rows[i, OP] != PREDICT:
            learn(weights, columns, state, rows, i)
    return rows.shape[0]
