"""How a weight moves along its gradient: rates, four optimisers, and two penalties.

A weight is a row of cells of one output, `weights[k, place]`: `W`, then what its optimiser gathers, then, where there
is an L1 penalty, how much of it the weight has paid. `state[0]` holds the settings, `state[1 + k]` what an output has
gathered. The rate is that of a step, so that what is done for each feature is a few operations.
"""

from __future__ import annotations

from math import pow, sqrt  # noqa: A004 - numba's power of two floats
from typing import Any, Final

from engine.kernels.ground import inlined, part

OPTIMIZER: Final = 0
RATE: Final = 1
SCHEDULE: Final = 2
SHAPE: Final = 3
INTERCEPT_RATE: Final = 4
"""Of the intercept, laid out as the three before: rate, schedule, shape."""
L1: Final = 7
L2: Final = 8
FADE_1: Final = 9
FADE_2: Final = 10
FLOOR: Final = 11
"""What keeps a divisor from 0: epsilon, for FTRL its beta."""

SGD: Final = 0.0
ADAGRAD: Final = 1.0
ADAM: Final = 2.0
FTRL: Final = 3.0

CONSTANT: Final = 0.0
INVERSE_SCALING: Final = 1.0
OPTIMAL: Final = 2.0

STEPS: Final = 0
INTERCEPT: Final = 1
PENALTY: Final = 2
"""Of an output: the steps it has taken, its intercept, and the L1 penalty due so far to any weight."""

W: Final = 0
SQUARES: Final = 1
"""AdaGrad's sum of squared gradients."""
AVERAGE: Final = 1
SPREAD: Final = 2
"""Adam's fading averages of the gradients and of their squares."""
PULL: Final = 1
POWER: Final = 2
"""FTRL's z and n."""


@part
def rate_at(state: Any, place: int, step: float) -> float:
    """Return the learning rate that the schedule at a place of the settings has for a step."""
    if state[0, place + 1] == CONSTANT:
        return state[0, place]
    if state[0, place + 1] == INVERSE_SCALING:
        return state[0, place] / pow(step + 1.0, state[0, place + 2])
    return 1.0 / (state[0, place] * (state[0, place + 2] + step))


@part
def rate_of_step(state: Any, step: float) -> float:
    """Return the rate that a step's gradients are multiplied by, Adam's corrected for its averages' start from 0."""
    rate = rate_at(state, RATE, step)
    if state[0, OPTIMIZER] == ADAM:
        return rate * sqrt(1.0 - pow(state[0, FADE_2], step + 1.0)) / (1.0 - pow(state[0, FADE_1], step + 1.0))
    return rate


@inlined
def follow_leader(weights: Any, k: int, place: int, state: Any, gradient: float) -> None:
    """Move a weight to where the sum of all gradients so far, and of the penalties, is least (FTRL-proximal)."""
    before = weights[k, place, POWER]
    power = before + gradient * gradient
    root = sqrt(power)
    pull = weights[k, place, PULL] + gradient - (root - sqrt(before)) / state[0, RATE] * weights[k, place, W]
    weights[k, place, PULL] = pull
    weights[k, place, POWER] = power
    beyond = abs(pull) - state[0, L1]
    size = beyond / ((state[0, FLOOR] + root) / state[0, RATE] + state[0, L2]) if beyond > 0.0 else 0.0
    weights[k, place, W] = -size if pull > 0.0 else size


@inlined
def move(weights: Any, k: int, place: int, state: Any, gradient: float, rate: float) -> None:
    """Take one step against a gradient; L2 adds its part of the gradient, but for FTRL, which has its own."""
    kind = state[0, OPTIMIZER]
    if kind == FTRL:
        follow_leader(weights, k, place, state, gradient)
        return
    gradient += state[0, L2] * weights[k, place, W]
    if kind == SGD:
        weights[k, place, W] -= rate * gradient
    elif kind == ADAGRAD:
        squares = weights[k, place, SQUARES] + gradient * gradient
        weights[k, place, SQUARES] = squares
        weights[k, place, W] -= rate / sqrt(squares + state[0, FLOOR]) * gradient
    else:
        average = state[0, FADE_1] * weights[k, place, AVERAGE] + (1.0 - state[0, FADE_1]) * gradient
        spread = state[0, FADE_2] * weights[k, place, SPREAD] + (1.0 - state[0, FADE_2]) * gradient * gradient
        weights[k, place, AVERAGE] = average
        weights[k, place, SPREAD] = spread
        weights[k, place, W] -= rate * average / (sqrt(spread) + state[0, FLOOR])


@inlined
def pay(weights: Any, k: int, place: int, due: float) -> None:
    """Have a weight pay the L1 penalty that is due, up to 0 and not beyond; the last cell holds what it has paid."""
    paid = weights.shape[2] - 1
    before = weights[k, place, W]
    after = before
    if before > 0.0:
        after = max(0.0, before - (due + weights[k, place, paid]))
    elif before < 0.0:
        after = min(0.0, before + (due - weights[k, place, paid]))
    weights[k, place, W] = after
    weights[k, place, paid] += after - before
