"""What holds for every test: hypothesis keeps no wall clock, so a busy machine fails nothing.

On a developer's machine each run tries new examples; a run of continuous integration (`CI` set) tries the same ones
every time, so that what fails there fails here. Kernels are compiled by the first process that needs them, and kept.
"""

from __future__ import annotations

import os

from hypothesis import settings

from streams import kernel_cache

settings.register_profile("sidestream", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "sidestream")

kernel_cache.prepare(lambda words: None)
