"""The budget and the presets from outside: what is asked for, what is refused, what a run says of it."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.drift.budget import parse_budget
from engine.drift.presets import PRESETS
from engine.errors import ConfigError
from streams.cli.app import main
from streams.preparation import prepare
from streams.settings import load_settings, settings_as_data
from tests.payments import START_S, write_csv

HEAD = ("replay", "worse.csv", "--target", "fraud", "--time", "ts", "--drop", "ts")
HEAD = (*HEAD, "--champion", "large=rules('amount > 150 -> 0.9; otherwise 0.1')", "--detector", "adwin(clock=1)")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a directory that holds payments whose frauds become small after some days, and a stream of few frauds."""
    monkeypatch.chdir(tmp_path)
    random, rows, few = Random(2), [], []
    for index in range(3_000):
        fraud = random.random() < 0.3
        right = random.random() < (0.95 if index < 2_000 else 0.5)
        amount = random.gauss(180 if fraud is right else 100, 10)
        rows.append({"ts": str(START_S + 600 * index), "amount": f"{amount:.1f}", "fraud": str(int(fraud))})
        few.append({**rows[-1], "fraud": str(int(index % 50 == 0))})
    write_csv(tmp_path / "worse.csv", rows)
    write_csv(tmp_path / "few.csv", few[:600])


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    assert left.value.code == 0
    return capsys.readouterr().out


def notices(**sections: dict[str, object]) -> tuple[str, ...]:
    given = {"input": {"paths": ["few.csv"], "target": "fraud"}, **sections}
    return prepare(load_settings(None, given, {})).notices


def test_a_run_says_what_was_borne_and_raised_for_each_watch(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, *HEAD, "--alarm-budget", "1 per 5d").splitlines()
    (head,) = [line for line in lines if line.startswith("alarm budget: ")]
    assert head.startswith("alarm budget: 1 per 5d over 1 watches; 1 alarm, and ")
    (watch,) = [line for line in lines if line.startswith("  large.loss adwin(clock=1): ")]
    assert "1 alarm in 3,000 values, " in watch
    assert "promised: a false one in 5.0 days" in watch


def test_json_holds_the_same_and_none_without_a_budget(capsys: pytest.CaptureFixture[str]) -> None:
    data: dict[str, Any] = json.loads(said(capsys, *HEAD, "--alarm-budget", "1 per 900 events", "--json"))
    report = data["alarm_budget"]
    assert (report["budget"], report["unit"], report["alarms"]) == ("1 per 900 events", "events", data["alarm_count"])
    (watch,) = report["watches"]
    assert (watch["watched"], watch["values"], watch["run_length_promised"]) == ("large.loss", 3_000, 900.0)
    assert json.loads(said(capsys, *HEAD, "--json"))["alarm_budget"] is None


def test_check_says_the_budget(capsys: pytest.CaptureFixture[str]) -> None:
    config = '[input]\npaths = "worse.csv"\ntarget = "fraud"\ntime = "ts"\n[alarms]\nbudget = "1 per 5d"\n'
    Path("run.toml").write_text(config, encoding="utf-8")
    assert "alarm budget: 1 per 5d, a share of 0.3333 for each watch" in said(capsys, "check", "run.toml")


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        (
            {"alarms": {"budget": "often"}},
            "an alarm budget is written '1 per 30d' or '1 per 100000 events', got 'often'",
        ),
        ({"alarms": {"budget": "1 per 30d"}}, "[alarms] budget '1 per 30d' needs [input] time: its span runs in"),
        (
            {"alarms": {"budget": "1 per 9 events"}, "detectors": {"specs": "none"}},
            "[alarms] budget is set, and [detectors] specs = 'none' watches nothing",
        ),
        ({"detectors": {"specs": "adwin()", "preset": "fraud"}}, "specs and [detectors] preset both say what watches"),
        ({"detectors": {"preset": "frauds"}}, "[detectors] preset must be 'general' or 'fraud', got 'frauds'"),
    ],
)
def test_what_cannot_be_is_told_with_its_remedy(sections: dict[str, dict[str, object]], told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings(None, sections, {})
    assert told in str(refused.value)


def test_a_budget_is_read_back_from_the_settings_as_data() -> None:
    given: dict[str, dict[str, object]] = {"alarms": {"budget": "2 per 100_000 events"}}
    settings = load_settings(None, given, {})
    assert settings.alarms.budget == parse_budget("2 per 100000 events")
    assert load_settings(None, settings_as_data(settings), {}) == settings


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_what_is_watched(name: str) -> None:
    given = {"input": {"paths": ["few.csv"], "target": "fraud"}, "detectors": {"preset": name}}
    prepared = prepare(load_settings(None, given, {}))
    watches = prepared.engine.learner.contenders[0].judges.watches
    assert tuple(prepared.plan.detectors) == PRESETS[name].specs
    assert [watch.name for watch in watches] == [spec.rpartition("=")[2] for spec in PRESETS[name].specs]


def test_where_positives_are_few_the_preset_for_them_is_suggested_to_who_chose_nothing() -> None:
    suggestion = "positives are few, and the loss hardly moves when more of them are missed: --detector-preset fraud"
    assert [line for line in notices() if line.startswith(suggestion)]
    chosen: tuple[dict[str, object], ...] = ({"specs": "adwin()"}, {"preset": "general"}, {"specs": "none"})
    for detectors in chosen:
        assert not [line for line in notices(detectors=detectors) if line.startswith("positives are few")]


def test_the_list_of_detectors_ends_with_the_presets_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "detectors")
    for name, preset in PRESETS.items():
        assert f"preset {name}\n    {', '.join(preset.specs)}\n    {preset.why}\n" in out
    assert "preset" not in said(capsys, "detectors", "adwin")
