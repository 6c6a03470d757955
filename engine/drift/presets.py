"""Presets: which detectors on which signals suit a kind of stream, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Preset(NamedTuple):
    """Detectors as `SPEC` or `SIGNAL=SPEC`, and why these."""

    specs: tuple[str, ...]
    why: str


PRESETS: Mapping[str, Preset] = {
    "general": Preset(
        ("adwin()",),
        "the loss, in whatever unit it comes, needs no warm-up and hardly ever alarms falsely",
    ),
    "fraud": Preset(
        ("misses=e_sr()", "false_alerts=e_sr()", "alert_rate=adwin()", "calibration=adwin()"),
        "where positives are few, accuracy moves with nothing that matters: watched are the frauds that were let "
        "through, as they are found out, the alerts for nothing, how many alerts there are, and whether probabilities "
        "mean what they say",
    ),
}
"""By their name in the settings."""
