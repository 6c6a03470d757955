"""Where a series of losses comes from: a file of numbers, a column of one, or the outputs of a replay.

Of a replay the losses are made again as the engine made them: 0 or 1 for a class, the absolute error for a number, in
order of prediction; or, of a binary one, the misses among positives, in the order in which their labels came.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Any

from engine.errors import ConfigError
from engine.values import show_value
from streams.byte_lines import STANDARD_INPUT, Lines
from streams.files import open_source
from streams.jsonl_sink import SUMMARY, Output
from streams.ports import SourceError

LOSS, MISSES = "loss", "misses"
SIGNALS = (LOSS, MISSES)
_TABLES = {".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".pq"}


def read_losses(path: str, *, column: str | None = None) -> list[float]:
    """Return the numbers of a file, one on each line, or of one column of a table.

    Raises
    ------
    ConfigError
        When a value is no number, or the column is not there.
    SourceError
        When the file cannot be read.
    """
    if column is None and Path(path).suffix not in _TABLES:
        return [_number(line, f"line {at} of {path!r}") for at, line in _lines(path) if line]
    if column is None:
        msg = f"which column of {path!r} holds the losses? name it: --column COL"
        raise ConfigError(msg)
    found = []
    for record in open_source(path):
        if record.values is None or column not in record.values:
            known = "cannot be read" if record.values is None else f"has {', '.join(map(repr, record.values))}"
            msg = f"record {record.row} of {path!r} has no {column!r}: it {known}"
            raise ConfigError(msg)
        found.append(_number(record.values[column], f"record {record.row} of {path!r}"))
    return found


def losses_of_run(directory: str, *, contender: str | None = None, signal: str = LOSS) -> list[float]:
    """Return the losses of one contender in an output directory of `replay`; None is what was served.

    Raises
    ------
    ConfigError
        When there is no such contender, or no misses.
    SourceError
        When the directory was not written by a replay that came to its end.
    """
    folder = Path(directory)
    summary = _summary(folder)
    task = summary["task"]
    if signal == MISSES and task != "binary":
        msg = f"misses are of a binary task, and {directory!r} holds a {task} one; leave --signal out"
        raise ConfigError(msg)
    if contender is not None and contender not in summary["models"]:
        msg = f"there is no contender {contender!r} in {directory!r}; there are {', '.join(summary['models'])}"
        raise ConfigError(msg)
    answers = dict(_answers(folder, contender))
    if signal == MISSES:
        positive = summary["classes"][0]
        truths = [(index, target) for index, target in _labelled(folder) if target == positive]
    else:
        negative = summary["classes"][-1] if task == "binary" else None
        truths = sorted({**dict(_silent(folder, negative)), **dict(_labelled(folder))}.items())
    return [_loss(answers[index], target, task) for index, target in truths if index in answers]


def _loss(answer: Any, target: Any, task: str) -> float:
    return abs(answer - target) if task == "regression" else float(answer != target)


def _summary(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"{str(folder)!r} holds no {SUMMARY} of a replay that came to its end; make one with replay --out"
        raise SourceError(msg) from error
    return found


def _answers(folder: Path, contender: str | None) -> Iterator[tuple[int, Any]]:
    for line in _objects(folder / Output.PREDICTIONS):
        if "duplicate_of" not in line and contender in {None, line["model"]}:
            yield line["index"], line["prediction"]
    if contender is not None:
        for line in _objects(folder / Output.SHADOW):
            if line["model"] == contender:
                yield line["index"], line["prediction"]


def _labelled(folder: Path) -> Iterator[tuple[int, Any]]:
    for line in _objects(folder / Output.LABELS):
        if line["end"] == "learned":
            yield line["index"], line["target"]


def _silent(folder: Path, negative: Any) -> Iterator[tuple[int, Any]]:
    for line in _objects(folder / Output.ENDS):
        if line["end"] == "negative_by_policy":
            yield line["index"], negative


def _objects(path: Path) -> Iterator[Any]:
    try:
        with path.open(encoding="utf-8") as file:
            yield from map(json.loads, file)
    except (OSError, ValueError) as error:
        msg = f"{str(path)!r} cannot be read as written by replay --out ({error}); make it anew"
        raise SourceError(msg) from error


def _lines(path: str) -> Iterator[tuple[int, str]]:
    lines = Lines(STANDARD_INPUT if path == "-" else path, 1_000)
    at = 0
    try:
        while line := lines.read():
            at += 1
            yield at, line.decode(errors="replace").strip()
    finally:
        lines.close()


def _number(text: object, where: str) -> float:
    try:
        value = float(text)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        value = float("nan")
    if not isfinite(value):
        msg = f"{where}: a loss is a number, got {show_value(text)}"
        raise ConfigError(msg)
    return value
