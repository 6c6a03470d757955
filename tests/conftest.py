"""What holds for every test: hypothesis keeps no wall clock, so a busy machine fails nothing."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("sidestream", deadline=None)
settings.load_profile("sidestream")
