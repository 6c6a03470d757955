"""`choose-detector`: who is recommended was tried on the series itself, keeps to the budget, and is fast."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from engine.errors import ConfigError
from streams.cli.choose_detector import show
from streams.detector_bench import FalseAlarms, delays, false_alarms, of_spec, periodic
from streams.detector_choice import (
    AFTER_COUNT,
    CALM_COUNT,
    COUNT_MIN,
    Asked,
    Budget,
    Change,
    Chosen,
    block_length,
    calm_stretch,
    choose,
    drawn,
)
from streams.loss_series import losses_of_run, read_losses
from tests.said import Said


def independent(count: int, rate: float, seed: int = 1) -> list[float]:
    random = Random(seed)
    return [float(random.random() < rate) for _ in range(count)]


def clustered(count: int, seed: int = 2) -> list[float]:
    """Errors that come in spells: 5 % outside one, 60 % within, and a spell lasts 60 values on average."""
    random, bad, found = Random(seed), False, []
    for _ in range(count):
        bad = random.random() < (59 / 60 if bad else 1 / 240)
        found.append(float(random.random() < (0.6 if bad else 0.05)))
    return found


def asked(values: int = 20_000, times: float = 2.0) -> Asked:
    return Asked(Budget(1, values), times, 2)


def quietly(done: int, of: int) -> None:
    """Hear how far it is."""


@pytest.fixture(scope="module")
def chosen() -> Chosen:
    """The table of a series without a secret."""
    return choose(independent(6_000, 0.2), asked(), quietly)


def test_who_is_recommended_keeps_to_the_budget_and_nobody_who_does_is_faster(chosen: Chosen) -> None:
    best = chosen.best
    assert best is not None
    assert best.false.alarms * 20_000 <= best.false.values
    assert best.hears
    assert all(best.delay <= row.delay for row in chosen.rows if row.keeps and row.hears)
    assert best.delays["x2 at once"].median < 1_000


def test_equal_losses_give_an_equal_table_and_it_says_how_far_it_is() -> None:
    series = independent(2_000, 0.2)
    told: list[tuple[int, int]] = []
    one_stream = Asked(Budget(1, 5_000), 3.0, 1)
    first = choose(series, one_stream, lambda done, of: told.append((done, of)))
    assert first == choose(series, one_stream, quietly)
    assert told == [(number, len(first.rows)) for number in range(1, len(first.rows) + 1)]


def test_on_errors_that_cluster_a_quiet_one_is_recommended_where_fast_ones_cry(chosen: Chosen) -> None:
    found = choose(clustered(8_000), asked(5_000, times=3.0), quietly)
    assert found.block_count > chosen.block_count
    crying = {row.detector for row in found.rows if not row.keeps}
    assert {"hddm_w()", "page_hinkley()", "fhddm()"} <= crying
    assert found.best is not None
    assert found.best.detector.startswith("e_sr(")
    assert found.best.false.per_10_000 <= 2.0


def test_numbers_are_multiplied_and_only_detectors_of_numbers_are_tried() -> None:
    random = Random(3)
    chosen = choose([random.expovariate(1.0) for _ in range(2_000)], asked(), quietly)
    assert chosen.best is not None
    assert not {"ddm()", "hddm_w()", "fhddm()"} & {row.detector for row in chosen.rows}
    values = [1.0, 2.0] * ((CALM_COUNT + AFTER_COUNT) // 2)
    changed = Change("x3", 3.0, lasts=10).put(values, Random(1), rate=None)
    assert changed[CALM_COUNT : CALM_COUNT + 10] == [3.0, 6.0] * 5
    assert changed[:CALM_COUNT] + changed[CALM_COUNT + 10 :] == values[:CALM_COUNT] + values[CALM_COUNT + 10 :]


@pytest.mark.parametrize("width", [0, 2_000])
def test_a_change_of_zeros_and_ones_raises_their_share_as_asked_and_keeps_every_error(width: int) -> None:
    values = independent(CALM_COUNT + AFTER_COUNT, 0.1, seed=4)
    changed = Change("x2", 2.0, width=width).put(values, Random(5), rate=0.1)
    assert all(after >= before for before, after in zip(values, changed, strict=True))
    assert changed[:CALM_COUNT] == values[:CALM_COUNT]
    settled = changed[CALM_COUNT + width :]
    assert abs(sum(settled) / len(settled) - 0.2) < 0.03


def test_the_calm_half_is_the_one_without_the_change() -> None:
    series = independent(2_000, 0.5, seed=6) + independent(4_000, 0.1, seed=7)
    begin, calm = calm_stretch(series)
    assert begin >= 1_950
    assert len(calm) == 3_000


def test_blocks_are_pieces_of_the_series_and_longer_where_it_clusters() -> None:
    calm = [float(number) for number in range(700)]
    found = drawn(calm, 50, 175, Random(1))
    assert len(found) == 175
    assert all(found[at + 1] == found[at] + 1 for at in range(174) if (at + 1) % 50)
    assert block_length(independent(4_000, 0.1)) < block_length(clustered(4_000))


@pytest.mark.parametrize(
    ("losses", "times", "says"),
    [
        ([1.0, 0.0] * 249, 2.0, f"498 losses say too little about what is usual, at least {COUNT_MIN}"),
        ([0.0] * 1_000, 2.0, "no loss is above 0 in the calm stretch of 500; give a longer series"),
        ([1.0, 0.0] * 500, 3.0, "the mean loss is 0.5000 and cannot become 3 times that; at most 2.00"),
        ([1.0, 0.0] * 500, 1.0, "times must be above 1, got 1.0"),
        ([1.0, -0.5] * 500, 2.0, "a loss is not negative, got -0.5"),
    ],
)
def test_a_series_that_will_not_do_is_refused_with_the_remedy(losses: list[float], times: float, says: str) -> None:
    with pytest.raises(ConfigError, match=says.replace("(", r"\(")):
        choose(losses, asked(times=times), quietly)


def test_who_looks_at_nothing_hears_as_soon_as_chance_says() -> None:
    streams = [[0.0] * 1_000 for _ in range(7)]
    false = false_alarms(periodic(100), streams)
    assert (false, false.per_10_000, false.by_chance) == (FalseAlarms(70, 7_000), 100.0, 50.0)
    found = delays(periodic(100), streams, 150, 800)
    assert (found.median, found.p90, found.missed) == (49, 49, 0)
    assert delays(periodic(2_000), streams, 150, 800).shown() == "-"
    assert delays(of_spec("adwin()"), streams, 150, 800).missed == 7


def test_the_command_says_as_json_what_it_recommends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.detector_choice.STREAM_COUNT_QUICK", 1)
    series = tmp_path / "losses.csv"
    rows = (f"{number},{value:g}" for number, value in enumerate(independent(2_000, 0.2)))
    series.write_text("n,loss\n" + "\n".join(rows), encoding="utf-8")
    said = Said(capsys, "choose-detector", series, "--column", "loss", "--times", "3", "--quick", "--json")
    assert (said.code, said.err) == (0, "")
    data = json.loads(said.out)
    (row,) = (row for row in data["detectors"] if row["detector"] == data["recommended"])
    assert row["keeps_to_budget"]
    assert set(row["changes"]) == {"x3 at once", "x3 over 1,500", "x3 for 500"}
    assert data["calm"]["count"] == 1_000


def test_the_table_is_for_eyes_and_ends_with_the_lines_to_paste(
    chosen: Chosen, capsys: pytest.CaptureFixture[str]
) -> None:
    assert chosen.best is not None
    show(chosen, asked(), "misses", 6_000)
    out = capsys.readouterr().out
    assert f'[detectors]\nspecs = ["misses={chosen.best.detector}"]\n' in out
    assert f"Take {chosen.best.detector}: it keeps to 1 in 20,000" in out
    assert all(row.detector in out for row in chosen.rows)


def test_where_nobody_will_do_it_says_so_and_what_to_change(chosen: Chosen, capsys: pytest.CaptureFixture[str]) -> None:
    show(replace(chosen, best=None), asked(), "loss", 6_000)
    out = " ".join(capsys.readouterr().out.split())
    assert "None keeps to 1 in 20,000 and hears nine in ten of the lasting changes. Bear more (--budget)" in out
    assert "[detectors]" not in out


@pytest.mark.parametrize(
    "case",
    [
        (("none.txt",), 4, "none.txt"),
        (("few.txt",), 2, "3 losses say too little"),
        (("table.csv",), 2, "which column of"),
        (("table.csv", "--column", "b"), 2, "record 1 of 'table.csv' has no 'b': it has 'a'"),
        (("few.txt", "--budget", "often"), 2, "--budget says how many false alarms"),
        (("few.txt", "--contender", "tree"), 2, "--contender and --signal are of a directory"),
        ((".",), 4, "holds no summary.json of a replay that came to its end"),
        ((".", "--column", "a"), 2, "--column is of a table"),
    ],
)
def test_what_cannot_be_used_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    case: tuple[tuple[str, ...], int, str],
) -> None:
    arguments, code, says = case
    monkeypatch.chdir(tmp_path)
    Path("few.txt").write_text("0\n1\n0.5\n", encoding="utf-8")
    Path("table.csv").write_text("a\n1\n", encoding="utf-8")
    said = Said(capsys, "choose-detector", *arguments)
    assert said.code == code
    assert says in said.err


def test_numbers_are_read_from_lines_and_columns_and_what_is_none_is_refused_by_its_place(tmp_path: Path) -> None:
    lines, table = tmp_path / "a.txt", tmp_path / "b.jsonl"
    lines.write_text("0\n1.5\n\n2e-1\n", encoding="utf-8")
    table.write_text('{"loss": 0.5}\n{"loss": 1}\n', encoding="utf-8")
    assert read_losses(str(lines)) == [0.0, 1.5, 0.2]
    assert read_losses(str(table), column="loss") == [0.5, 1.0]
    lines.write_text("0\nnan\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"line 2 of .*: a loss is a number, got 'nan'"):
        read_losses(str(lines))


def test_the_losses_of_a_run_are_those_that_its_figures_are_made_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ["id,at,x,y,known"]
    random = Random(8)
    for number in range(400):
        x = random.random()
        fraud = random.random() < x / 3
        rows.append(f"e{number},{1_700_000_000 + 60 * number},{x:.3f},{int(fraud)},")
        if fraud:
            rows[-1] += str(1_700_000_000 + 60 * number + random.randrange(1, 3_000))
    (tmp_path / "s.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    out = str(tmp_path / "out")
    flags = (
        "--target",
        "y",
        "--id",
        "id",
        "--time",
        "at",
        "--drop",
        "at",
        "--label-time",
        "known",
        "--threshold",
        "0.3",
    )
    policy = ("--label-policy", "negative_after(1h)", "--challenger", "lr=river.linear_model.LogisticRegression()")
    said = Said(capsys, "replay", tmp_path / "s.csv", *flags, *policy, "--out", out, "--json")
    assert said.code == 0, said.err
    summary = json.loads(said.out)
    for name, model in summary["models"].items():
        losses = losses_of_run(out, contender=name)
        matured, metrics = model["matured"], model["metrics"]
        assert abs(1.0 - sum(losses) / len(losses) - metrics["accuracy"]) < 0.2
        misses = losses_of_run(out, contender=name, signal="misses")
        assert len(misses) == summary["labels"]["learned"]
        assert 1.0 - sum(misses) / len(misses) == pytest.approx(metrics["recall"] or 0.0)
        ended = summary["requests"]["labelled"] + summary["requests"]["negative_by_policy"]
        assert len(losses) == ended
        assert matured is not None
    assert losses_of_run(out) == losses_of_run(out, contender=summary["champion"])
    with pytest.raises(ConfigError, match="there is no contender 'nobody'"):
        losses_of_run(out, contender="nobody")
