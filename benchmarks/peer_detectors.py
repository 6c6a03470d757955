"""Detectors of CapyMOA and Frouros as the benchmark of detectors takes them, where those are installed.

All are at their own defaults, under the names their packages give them. MOA's begin anew by themselves after an alarm;
Frouros' stay in alarm until they are reset, so that is done at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final

from streams.detector_bench import Alarmed, Make

CAPYMOA: Final = (
    *("ADWIN", "CUSUM", "DDM", "EDDM", "EWMAChart", "HDDMAverage", "HDDMWeighted", "PageHinkley", "RDDM", "STEPD"),
    *("GeometricMovingAverage", "SEED"),
)
"""Those we have as well, then those that only MOA has."""

FROUROS: Final = (
    *("ADWIN", "CUSUM", "DDM", "ECDDWT", "EDDM", "HDDMA", "HDDMW", "KSWIN", "PageHinkley", "RDDM", "STEPD"),
    "GeometricMovingAverage",
)
"""Those we have as well, then one that only Frouros has."""

LEFT_OUT: Final = (
    "capymoa.OPTWIN: left out; where errors are rare it takes the root of less than nothing, and raises (0.15.1)",
    "capymoa.ABCD: left out; it is for many values at once, at 0.2 ms each",
    "frouros.BOCD: left out, at 5 ms a value and rising",
)
"""Lines about those that take no part even where their package is installed."""

HOW_TO_INSTALL: Final = {
    "capymoa": "pip install capymoa, with Java 17",
    "frouros": "pip install --no-deps frouros, then requests, tqdm and matplotlib: it asks for an older scipy",
}


def of_capymoa(name: str) -> Make:
    """Return a maker of one of CapyMOA's detectors."""
    found = getattr(import_module("capymoa.drift.detectors"), name)

    def make() -> Alarmed:
        detector: Any = found()

        def alarmed(value: float) -> bool:
            detector.add_element(value)
            return bool(detector.detected_change())

        return alarmed

    return make


def of_frouros(name: str) -> Make:
    """Return a maker of one of Frouros' detectors, its draws seeded where it makes any."""
    package = import_module("frouros.detectors.concept_drift")
    found = getattr(package, name)

    def make() -> Alarmed:
        detector: Any = found(config=package.KSWINConfig(seed=1)) if name == "KSWIN" else found()

        def alarmed(value: float) -> bool:
            detector.update(value=value)
            heard = bool(detector.drift)
            if heard:
                detector.reset()
            return heard

        return alarmed

    return make


PEERS: Final[Mapping[str, tuple[Callable[[str], Make], tuple[str, ...]]]] = {
    "capymoa": (of_capymoa, CAPYMOA),
    "frouros": (of_frouros, FROUROS),
}


def peers() -> tuple[dict[str, Make], list[str]]:
    """Return the detectors that can be had here by name, and a line for each package that cannot, with the remedy."""
    makers: dict[str, Make] = {}
    skipped: list[str] = []
    for package, (make, names) in PEERS.items():
        try:
            makers |= {f"{package}.{name}": make(name) for name in names}
        except (ImportError, RuntimeError) as error:  # a RuntimeError is CapyMOA's word for a missing Java
            skipped.append(f"{package}: skipped ({error}); {HOW_TO_INSTALL[package]}")
    return makers, skipped
