"""What every kernel stands on: how it is compiled, and what its steps look like.

A kernel file is plain Python over arrays. Its functions are `part`s, but for the one that is called from outside, its
`kernel`, which takes a run of steps in order. Nothing here knows a model, and nothing reads the disk or the clock:
where compiled code is kept, whoever starts the process says.

**Steps.** A step is a row of float64: `OP`, `TARGET`, `WEIGHT`, then the features from column `X` on, NaN where one is
missing. A kernel takes as many as it is given and returns how many it took: fewer where the next one does not fit its
arrays, which then must grow before it is called again. Between one call with n steps and n calls with one there is no
difference in any bit.

**Memory.** Kernels are compiled without numba's memory management: they may make views, and nothing else. That keeps
them from allocating, and saves counting references at each view, which can cost several times what is computed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")

OP: Final = 0
TARGET: Final = 1
WEIGHT: Final = 2
X: Final = 3
"""Columns of a step; the features begin at `X`."""

PREDICT: Final = 0.0
LEARN: Final = 1.0
BOTH: Final = 2.0
"""What `OP` can be: fill the step's row of answers, learn the target, or first the one and then the other."""


def part(function: Callable[P, R]) -> Callable[P, R]:
    """Have numba compile a function into whatever kernel calls it; it has no cache entry of its own."""
    compiled = numba.njit(nogil=True, error_model="numpy", _nrt=False, no_cfunc_wrapper=True)
    return cast("Callable[P, R]", compiled(function))


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Have a part stand in its callers as if it were written there: for small ones that each event runs through.

    A call hands over every array in some ten words, so a `NamedTuple` of arrays costs more than most of what is done.
    """
    compiled = numba.njit(
        nogil=True, error_model="numpy", forceinline=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True
    )
    return cast("Callable[P, R]", compiled(function))


def kernel(signature: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Compile a function for these types as its file is loaded, or take it from the cache where one is set.

    Without a directory in `numba.config.CACHE_DIR` nothing is kept: numba's own choice of a place would serve code
    compiled from a source that has changed since.
    """
    kept = bool(numba.config.CACHE_DIR)
    compiled = numba.njit(signature, nogil=True, error_model="numpy", cache=kept, _nrt=False)
    return cast("Callable[[Callable[P, R]], Callable[P, R]]", compiled)
