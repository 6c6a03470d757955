"""Other libraries' detectors alarm by the same rule as ours, and who is missing is named with the remedy."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from benchmarks.detectors import SLOW, field, goal, streams_for, table
from benchmarks.peer_detectors import CAPYMOA, FROUROS, of_frouros, peers

CAPYMOAS, FROUROSES = "capymoa.drift.detectors", "frouros.detectors.concept_drift"


class Moas:
    """Alarms at each third value, and goes on by itself."""

    def __init__(self) -> None:
        self.count = 0

    def add_element(self, value: float) -> None:
        self.count += 1

    def detected_change(self) -> bool:
        return self.count % 3 == 0


class Frouroses:
    """Alarms from the third value on, until it is reset."""

    def __init__(self, config: object = None) -> None:
        self.reset()

    def reset(self) -> None:
        self.count = 0

    def update(self, value: float) -> None:
        self.count += 1

    @property
    def drift(self) -> bool:
        return self.count >= 3


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-ins for both packages."""
    for path, names, found in ((CAPYMOAS, CAPYMOA, Moas), (FROUROSES, FROUROS, Frouroses)):
        module = ModuleType(path)
        vars(module).update(dict.fromkeys(names, found), KSWINConfig=lambda seed: seed)
        monkeypatch.setitem(sys.modules, path, module)


@pytest.mark.usefixtures("installed")
def test_every_peer_alarms_once_for_each_of_its_alarms() -> None:
    makers, skipped = peers()
    assert list(makers) == [*(f"capymoa.{name}" for name in CAPYMOA), *(f"frouros.{name}" for name in FROUROS)]
    assert skipped == []
    for make in makers.values():
        alarmed = make()
        assert [alarmed(1.0) for _ in range(7)] == [False, False, True, False, False, True, False]


@pytest.mark.usefixtures("installed")
def test_a_peers_detectors_share_nothing() -> None:
    make = of_frouros("DDM")
    first, second = make(), make()
    assert [first(1.0), first(1.0), second(1.0), first(1.0)] == [False, False, False, True]


def test_a_package_that_is_missing_is_skipped_in_a_line_that_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for path in (CAPYMOAS, FROUROSES):
        monkeypatch.setitem(sys.modules, path, None)  # type: ignore[arg-type]
    makers, skipped = peers()
    assert makers == {}
    assert [line.partition(":")[0] for line in skipped] == ["capymoa", "frouros"]
    assert all("skipped" in line and "pip install" in line for line in skipped)


@pytest.mark.usefixtures("installed")
def test_slow_detectors_see_fewer_streams_and_all_of_them_take_part() -> None:
    assert set(SLOW) <= set(field()[0])
    assert streams_for("frouros.KSWIN", 40) == 4
    assert streams_for("frouros.KSWIN", 6) == 1
    assert streams_for("adwin()", 40) == 40


def row(name: str, median: float, false: float, *, ours: bool, missed: int = 0) -> dict[str, Any]:
    change = {"median": median, "missed": missed, "of": 10, "shown": f"{median:,.0f}"}
    return {"detector": name, "ours": ours, "false": false, "changes": {"sudden": change}, "streams": 10}


def test_within_is_who_is_nearly_as_fast_with_no_more_false_alarms() -> None:
    best = row("peer", 100.0, 0.5, ours=False)
    rows = [best, row("near", 150.0, 0.5, ours=True), row("far", 151.0, 0.0, ours=True)]
    found = goal([*rows, row("loud", 90.0, 0.6, ours=True), row("deaf", 90.0, 0.0, ours=True, missed=2)], "sudden")
    assert found == "best of others peer (100, 0.50 false); within: near (150, 0.50 false)"


def test_where_nobody_is_within_the_nearest_is_told() -> None:
    rows = [row("peer", 100.0, 0.5, ours=False), row("far", 151.0, 0.0, ours=True)]
    assert goal(rows, "sudden").endswith("within: none; as calm and next: far (151, 0.00 false)")
    assert goal([row("peer", 100.0, 2.1, ours=False)], "sudden").startswith("nobody hears")
    assert goal([row("far", 151.0, 0.0, ours=True)], "sudden").startswith("only ours hear it, far (151")


def test_a_detector_that_saw_fewer_streams_says_so_in_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.detectors.CHANGES", [])
    few = {**row("slow", 1.0, 0.0, ours=False), "streams": 2, "by_chance": None}
    lines = table([{**row("all", 1.0, 0.0, ours=True), "by_chance": None}, few], 0.01)
    assert lines[2].startswith("| `all` | 0.00")
    assert lines[3].startswith("| `slow` (2 of 10 streams) | 0.00")
