"""`sidestream demo`: the story follows from what the engine said, and the file it writes tells the same one."""

from __future__ import annotations

import json
import re
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from engine.messages import Alarm, Episode, Label, LabelEnd, Outcomes, Prediction, Promoted, Request, ShadowPrediction
from streams.cli.demo_screen import DemoScreen, next_commands
from streams.demo import SETTINGS, Chronicle, Happening, demo_settings, write_demo
from streams.demo_story import REACH, found_changes, story
from streams.files import open_source
from streams.preparation import prepare
from streams.replay import replay
from streams.runner import Runner
from streams.settings import load_settings, plain_settings
from streams.synthetic import CHANGES, COLUMNS, PAYMENT_COUNT, STRETCH, CardPayments
from tests.said import Said

SUDDEN, GRADUAL = CHANGES
SUMMARY: dict[str, Any] = {
    "events": PAYMENT_COUNT,
    "promotion": {"standings": {"linear": {"eligible": False, "because": "evidence e^1.0 of e^12.2"}}},
}


def episode(name: str, opened: int, kind: str | None, onset: int | None = None, width: int | None = None) -> Episode:
    owner = name.partition("#")[0]
    closed = None if kind is None else opened + 1
    stage = "opened" if kind is None else "closed"
    severity = None if kind is None else 0.02
    return Episode(opened, opened, name, f"{owner}.misses", stage, opened, kind, onset, width, severity, closed)


def chronicle(*episodes: Episode, promotions: list[Promoted] | None = None) -> Chronicle:
    return Chronicle(episodes={each.episode: each for each in episodes}, promotions=promotions or [])


@pytest.fixture(scope="module")
def run() -> dict[str, Any]:
    """The demo as JSON, once."""
    from streams.demo_story import as_json_text

    notes = Chronicle()
    result = replay(demo_settings(), notes, CardPayments(0))
    return dict(json.loads(as_json_text(notes, result.durable, 0)))


def test_the_payments_are_a_function_of_the_seed() -> None:
    def first(seed: int) -> list[tuple[str, ...]]:
        return [fields for _, fields in zip(range(500), CardPayments(seed).rows(), strict=False)]

    assert first(3) == first(3)
    assert first(3) != first(4)


def test_four_in_a_hundred_are_fraud_reported_late_and_the_rest_never() -> None:
    rows = [dict(zip(COLUMNS, fields, strict=True)) for fields in CardPayments(1).rows()]
    assert [row["id"] for row in rows] == [f"p{number}" for number in range(PAYMENT_COUNT)]
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)
    frauds = [row for row in rows if row["fraud"] == "1"]
    assert 2 * PAYMENT_COUNT / STRETCH <= len(frauds) <= 2.1 * PAYMENT_COUNT / STRETCH
    assert all(row["reported_at"] > row["at"] for row in frauds)
    assert not any(row["reported_at"] for row in rows if row["fraud"] == "0")


def test_each_ring_has_its_old_way_before_its_change_and_its_new_one_after() -> None:
    rows = [dict(zip(COLUMNS, fields, strict=True)) for fields in CardPayments(2).rows()]

    def share(begin: int, end: int, column: str, *values: str) -> float:
        frauds = [row for row in rows[begin:end] if row["fraud"] == "1"]
        return sum(row[column] in values for row in frauds) / len(frauds)

    quick = tuple(map(str, range(4, 10)))
    assert share(0, SUDDEN.onset, "last_hour", *quick) == 0.0
    assert 0.45 < share(SUDDEN.onset, SUDDEN.onset + 2_000, "last_hour", *quick) < 0.55
    middle = GRADUAL.onset + GRADUAL.width // 2
    before, within, after = (
        share(begin, begin + 1_000, "country", "E5") for begin in (GRADUAL.onset - 1_000, middle - 500, middle + 2_500)
    )
    assert before > 0.4 > within > 0.15 > after


def test_a_file_that_was_written_is_the_same_stream_under_the_same_settings(tmp_path: Path) -> None:
    settings = write_demo(str(tmp_path / "payments.csv"), 5)
    for record, original in zip(open_source(str(tmp_path / "payments.csv")), CardPayments(5), strict=True):
        assert (record.raw, record.values) == (original.raw, original.values)
    loaded, ours = plain_settings(load_settings(settings, {}, {})), plain_settings(demo_settings())
    assert {key for key in ours if ours[key] != loaded[key]} == {"input.paths"}


def test_it_writes_over_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "payments.toml").write_text("mine", encoding="utf-8")
    said = Said(capsys, "demo", "--write", tmp_path / "payments.csv")
    assert said.code == 4
    assert "payments.toml' exists already; name another file" in said.err
    assert (tmp_path / "payments.toml").read_text(encoding="utf-8") == "mine"
    assert not (tmp_path / "payments.csv").exists()
    said = Said(capsys, "demo", "--write", tmp_path / "payments.parquet")
    assert (said.code, "written as CSV" in said.err) == (2, True)


def test_both_changes_are_found_and_named_and_a_challenger_is_promoted_with_evidence(run: dict[str, Any]) -> None:
    sudden, gradual = run["changes"]
    assert sudden["named_rightly"]
    assert gradual["named_rightly"]
    assert abs(sudden["episode"]["onset_index"] - SUDDEN.onset) < 500
    assert abs(gradual["episode"]["onset_index"] - GRADUAL.onset) < 2_000
    promotions = run["summary"]["promotions"]
    assert promotions[-1]["to"] == run["summary"]["champion"] == "linear"
    assert all(each["rule"] == "restarting" and each["evidence"]["log_e"] > 12 for each in promotions)
    assert run["caught"]["as_served"] > 2 * run["caught"]["by_rules"]
    sums = run["summary"]["requests"]
    assert sum(sums.values()) == PAYMENT_COUNT
    assert sums["dead"] == 0


def test_the_story_has_five_paragraphs_with_the_true_places_beside_the_found_ones(run: dict[str, Any]) -> None:
    _, sudden, gradual, promoted, balance = run["story"]
    assert f"{SUDDEN.onset:,}" in sudden
    assert f"{run['changes'][0]['alarm_after']:,} payments later" in sudden
    assert f"named it sudden, from payment {run['changes'][0]['episode']['onset_index']:,}" in sudden
    assert f"From payment {GRADUAL.onset:,}" in gradual
    assert f"{run['summary']['promotions'][0]['index']:,}" in promoted
    assert f"{run['caught']['by_rules']:,}" in balance


def test_the_timeline_is_in_order_and_says_where_the_pattern_really_changed(run: dict[str, Any]) -> None:
    timeline = run["timeline"]
    assert [line["at"] for line in timeline if line["sort"] == "truth"] == [change.onset for change in CHANGES]
    places = [line["at"] for line in timeline if line["sort"] != "reaction"]
    assert places == sorted(places)
    assert not any("no_change" in line["said"] for line in timeline)


def test_what_was_not_found_is_said() -> None:
    told = story(chronicle(), SUMMARY)
    assert "Nobody noticed." in told[1]
    assert "Nobody noticed." in told[2]
    assert told[3] == "Nobody took over from rules. linear: evidence e^1.0 of e^12.2."


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("sudden", "and named it sudden, from payment 10,004."),
        ("uncertain", "and left it uncertain, from payment 10,004: the losses did not tell how it went."),
        ("transient", "and named it transient, which it was not, from payment 10,004."),
        (None, "and its kind was not yet said when the payments ended."),
    ],
)
def test_a_name_is_repeated_as_it_was_given(kind: str | None, says: str) -> None:
    told = story(chronicle(episode("rules#1", SUDDEN.onset + 1_200, kind, 10_004, 0)), SUMMARY)
    assert f"The alarm (misses of rules) came 1,200 payments later {says}" in told[1]


def test_the_rules_episode_speaks_for_a_change_and_what_is_about_none_is_told_apart() -> None:
    early = episode("tree#1", 2_000, "sudden", 1_500, 0)
    first = episode("tree#2", SUDDEN.onset + 900, "transient", 9_000, 900)
    rules = episode("rules#1", SUDDEN.onset + 1_300, "sudden", 10_000, 0)
    late = episode("rules#2", GRADUAL.onset + GRADUAL.width + REACH, "sudden", 29_000, 0)
    found, others = found_changes(chronicle(early, first, rules, late))
    assert [each.episode for each in found] == [rules, None]
    assert others == [early, late]
    assert (
        "Alarms about neither change: tree#1 at 2,000, rules#2 at 30,000." in story(chronicle(early, late), SUMMARY)[4]
    )


def test_frauds_are_counted_as_served_and_as_the_rules_would_have_answered() -> None:
    notes = Chronicle()
    at = SUDDEN.onset
    caught, missed = (True, 0.9), (False, 0.1)
    notes.note(
        Outcomes(
            predictions=[
                Prediction(0, at - 1, "a", 0, "rules", missed),
                Prediction(1, at, "b", 0, "rules", caught),
                Prediction(2, at + 1, "c", 0, "linear", caught),
            ],
            shadow=[ShadowPrediction(at + 1, "c", "rules", missed), ShadowPrediction(at + 1, "c", "tree", caught)],
        )
    )
    ends = [LabelEnd(3, name, True, 0, "learned", index) for name, index in (("a", at - 1), ("b", at), ("c", at + 1))]
    notes.note(Outcomes(label_ends=ends))
    assert notes.caught == {"frauds": 2, "as_served": 2, "by_rules": 1}


def test_the_baseline_is_no_part_of_it() -> None:
    notes = Chronicle()
    notes.begin(prepare(demo_settings(), CardPayments(0)), ())
    notes.note(
        Outcomes(
            alarms=[Alarm(1, 1, 0, "no_change.misses", "hddm_w()", "drift", "no_change#1")],
            episodes=[episode("no_change#1", 1, None)],
        )
    )
    assert (notes.happenings, notes.alarms, notes.episodes) == ([], [], {})


def test_what_is_proposed_next_names_the_files_of_the_same_seed() -> None:
    assert "sidestream demo --seed 4 --write payments.csv" in next_commands(4)
    assert "sidestream demo --write payments.csv" in next_commands(0)


def test_the_messages_are_those_of_any_replay() -> None:
    pieces = [piece for _, piece in zip(range(3_000), prepare(demo_settings(), CardPayments(0)).feed, strict=False)]
    assert {type(piece.message) for piece in pieces} == {Request, Label}
    assert SETTINGS["labels"]["policy"] == "negative_after(5d)"


@pytest.mark.parametrize("colour", [True, False])
def test_the_live_view_fits_a_terminal_of_80_by_24_and_leaves_the_timeline(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, colour: bool
) -> None:
    for name, value in {"COLUMNS": "80", "LINES": "24", "TERM": "xterm-256color", "FORCE_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    if colour:
        monkeypatch.delenv("NO_COLOR", raising=False)
    else:
        monkeypatch.setenv("NO_COLOR", "1")
    notes = Chronicle()
    screen = DemoScreen(notes, quiet=False)
    prepared = prepare(demo_settings(), CardPayments(0))
    screen.begin(prepared, ())
    runner = Runner(prepared.engine, islice(prepared.feed, 3_000), prepared.codec, None)
    runner.run(1_000, screen.note)
    notes.happenings += [Happening(2_000, "reaction", "a long word " * 20)] * 30
    capsys.readouterr()
    screen.progress(prepared.engine, 1.0)
    drawn = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line) for line in capsys.readouterr().out.split("\n")]
    assert len(drawn) <= 24
    assert all(len(line) <= 80 for line in drawn)
    assert any(line.startswith("rules       champion") for line in drawn)
    assert any("payment " in line and "without label" in line for line in drawn)
    screen.end()
    left = capsys.readouterr().out
    assert left.count("a long word") >= 30
    assert ("\x1b[35m" in left) is colour
