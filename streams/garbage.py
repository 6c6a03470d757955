"""How often Python looks for garbage in cycles while a stream runs.

The engine makes many small values per event and almost no cycles; with Python's own settings a tenth of the time and
more goes into looking for them, the longer the more state there is.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

ALLOCATIONS_PER_LOOK = 100_000


@contextmanager
def looked_for_seldom() -> Iterator[None]:
    """Look for cycles rarely inside, never again at what was there before; afterwards as it was."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS_PER_LOOK, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
