"""River's drift detectors behind our protocol: the only door in drift/ through which River comes, and it comes late.

The adapter adds no behaviour: when a detector resets, what it forgets and which direction it watches are River's.
"""

from __future__ import annotations

from math import isfinite
from typing import Any

from engine.drift.detector import Verdict
from engine.errors import ConfigError, ModelError, SnapshotError
from engine.object_state import freeze
from engine.object_thaw import thaw


class RiverDetector:
    """One of `river.drift.*` or `river.drift.binary.*`.

    Parameters
    ----------
    detector
        The River detector; the adapter owns it.

    Attributes
    ----------
    binary_only
        True where the detector is defined for 0/1 values alone (`river.drift.binary`): it may watch errors or
        misses, never a regression's loss.

    Raises
    ------
    ConfigError
        The object is no drift detector.

    Notes
    -----
    DRIFT is River's `drift_detected`, WARNING its `warning_detected` where it has one. River's detectors start anew
    at the update after an alarm; its ADWIN then drops the whole window, where the published one keeps the part after
    the cut (Bifet and Gavalda 2007, doi 10.1137/1.9781611972771.42). Its FHDDM (0.26.1) alarms when the mean *falls*,
    although its documentation calls 1 an error: on a stream of errors it hears improvement only.
    """

    def __init__(self, detector: object) -> None:
        if not is_drift_detector(detector):
            msg = f"{type(detector).__name__} is no drift detector; see the names in river.drift and river.drift.binary"
            raise ConfigError(msg)
        self._bind(detector)

    def update(self, value: float) -> Verdict:
        """Take one value and return the verdict; a value the detector is not defined for is a `ModelError`."""
        self.check(value)
        self.detector.update(value)
        if self.detector.drift_detected:
            return Verdict.DRIFT
        if self._warns and self.detector.warning_detected:
            return Verdict.WARNING
        return Verdict.STABLE

    def check(self, value: float) -> None:
        """Raise `ModelError` for a value the detector is not defined for."""
        if self.binary_only:
            if value not in {0.0, 1.0}:
                msg = f"{type(self.detector).__name__} takes 0 or 1, got {value!r}"
                raise ModelError(msg)
        elif not isfinite(value):
            msg = f"{type(self.detector).__name__} takes finite numbers, got {value!r}"
            raise ModelError(msg)

    def snapshot(self) -> object:
        """Return the detector's state."""
        return {"river": freeze(self.detector)}

    def restore(self, state: object) -> None:
        """Take back what `snapshot` returned."""
        if not isinstance(state, dict) or state.keys() != {"river"} or not isinstance(state["river"], bytes):
            msg = f"{type(self.detector).__name__} keeps 'river' state, got {state!r:.80}"
            raise SnapshotError(msg)

        detector = thaw(state["river"])
        if type(detector) is not type(self.detector):
            msg = f"the snapshot holds a {type(detector).__name__}, this spec builds a {type(self.detector).__name__}"
            raise SnapshotError(msg)
        self._bind(detector)

    def _bind(self, detector: Any) -> None:
        from river import base

        self.detector = detector
        self.binary_only = isinstance(detector, base.BinaryDriftDetector)
        self._warns = hasattr(detector, "warning_detected")


def is_drift_detector(thing: object) -> bool:
    """Say whether `thing` is an instance of one of River's detectors."""
    from river import base

    return isinstance(thing, base.DriftDetector | base.BinaryDriftDetector)
