"""The same stream gives the same bytes: whatever the slices, the process, and the form in which it was written down."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.payments import payments, write_csv, write_jsonl, write_parquet
from tests.replays import COMMAND, read_back, replayed

CONTENDERS = (
    *("--champion", "mix=blend(majority(), river.naive_bayes.GaussianNB())"),
    *("--challenger", "forest=river.forest.ARFClassifier(n_models=3)"),
    *("--challenger", "adaptive=river.tree.HoeffdingAdaptiveTreeClassifier(grace_period=40)"),
    *("--challenger", "bag=river.ensemble.LeveragingBaggingClassifier(river.naive_bayes.GaussianNB(), n_models=2)"),
    *("--challenger", "near=river.neighbors.KNNClassifier(3, engine=river.neighbors.LazySearch(100))"),
)
BINARY = (
    *("--challenger", "linear=river.preprocessing.StandardScaler() | river.linear_model.LogisticRegression()"),
    *(
        "--challenger",
        "rule=rules(\"amount > 150 -> 0.8; country in ['IT'] -> 0.4; text matches 'win' -> 0.2; otherwise 0.1\")",
    ),
    *("--challenger", "words=river.feature_extraction.BagOfWords(on='note') | river.naive_bayes.MultinomialNB()"),
    *(
        "--detector",
        "river.drift.ADWIN()",
        "--detector",
        "river.drift.KSWIN()",
        "--detector",
        "river.drift.binary.DDM()",
    ),
)
LATE = (
    *("--target", "fraud", "--id", "id", "--time", "ts", "--label-time", "label_ts"),
    *("--label-policy", "negative_after(8h)", "--on-late", "relearn", "--alert-rate", "0.2"),
)
FILES = ("predictions.jsonl", "shadow.jsonl", "labels.jsonl", "ends.jsonl", "dead_letters.jsonl", "summary.json")


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, ...]]:
    """Return, by name, the arguments of a replay."""
    path = write_csv(tmp_path_factory.mktemp("payments") / "payments.csv", payments(400))
    return {
        "binary, late labels, categories, text, blanks": (str(path), *LATE, *CONTENDERS, *BINARY),
        "multiclass, classes of text": ("river:ImageSegments", "--limit", "400", *CONTENDERS),
        "regression": (
            *("river:TrumpApproval", "--limit", "400", "--detector", "river.drift.PageHinkley()"),
            *("--champion", "forest=river.forest.ARFRegressor(n_models=3)"),
            *("--challenger", "mix=blend(mean(), river.tree.HoeffdingTreeRegressor())"),
        ),
    }


NAMES = ("binary, late labels, categories, text, blanks", "multiclass, classes of text", "regression")


def bytes_of(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in FILES}


@pytest.mark.parametrize("name", NAMES)
def test_slices_change_no_byte_of_output(name: str, streams: dict[str, tuple[str, ...]], tmp_path: Path) -> None:
    first, *others = (tmp_path / size for size in ("1", "7", "500"))
    run = replayed(*streams[name], "--slice", "1", out=first)
    assert run.summary["events"] == len(run.predictions) == 400
    assert not [model for model in run.summary["models"].values() if model["benched"]]
    for out in others:
        replayed(*streams[name], "--slice", out.name, out=out)
        assert bytes_of(out) == bytes_of(first)


@pytest.mark.parametrize("name", NAMES)
def test_another_process_with_another_hash_seed_writes_the_same_bytes(
    name: str, streams: dict[str, tuple[str, ...]], tmp_path: Path
) -> None:
    for seed in ("0", "1"):
        subprocess.run(
            [*COMMAND, "replay", *streams[name], "--out", str(tmp_path / seed)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        )
    assert bytes_of(tmp_path / "0") == bytes_of(tmp_path / "1")


def test_the_seed_of_a_run_is_all_that_chance_depends_on(streams: dict[str, tuple[str, ...]], tmp_path: Path) -> None:
    digests = [
        replayed(*streams[NAMES[1]], "--seed", seed, out=tmp_path / str(i)).summary["state_digest"]
        for i, seed in enumerate(["5", "5", "6"])
    ]
    assert digests[0] == digests[1] != digests[2]


def test_csv_jsonl_parquet_compressed_or_piped_give_the_same_answers(tmp_path: Path) -> None:
    """Text that reads as a number and a number are one value; a blank and a null are both missing."""
    rows = payments(400)
    paths = [
        write_csv(tmp_path / "p.csv", rows),
        write_csv(tmp_path / "p.csv.gz", rows),
        write_jsonl(tmp_path / "p.jsonl", rows),
        write_jsonl(tmp_path / "p.jsonl.gz", rows),
        write_parquet(tmp_path / "p.parquet", rows),
    ]
    for path in paths:
        replayed(str(path), *LATE, *BINARY[:4], out=tmp_path / f"of {path.name}")
    first = bytes_of(tmp_path / "of p.csv")
    for path in paths[1:]:
        assert bytes_of(tmp_path / f"of {path.name}") == first
    for path in (paths[0], paths[2], paths[3]):
        with path.open("rb") as file:
            arguments = ["replay", "-", *LATE, *BINARY[:4], "--out", str(tmp_path / "piped")]
            subprocess.run([*COMMAND, *arguments], stdin=file, check=True, capture_output=True)
        assert bytes_of(tmp_path / "piped") == first
    assert read_back(tmp_path / "piped").summary["labels"]["late"] > 0


def test_two_files_are_one_stream(tmp_path: Path) -> None:
    rows = payments(300)
    whole = write_csv(tmp_path / "whole.csv", rows)
    halves = [write_csv(tmp_path / "a.csv", rows[:120]), write_csv(tmp_path / "b.csv", rows[120:])]
    one = replayed(str(whole), *LATE, out=tmp_path / "one")
    two = replayed(*map(str, halves), *LATE, out=tmp_path / "two")
    assert two.summary == one.summary
