"""What the loop costs beside its models: `python -m benchmarks.loop [--rounds N] [--json FILE]`.

Everything is timed in one interleaved run and shown as medians, with garbage collected as seldom as `replay` does it,
for the bare loop too. The overhead of the engine over a bare loop of the same models is a + b per contender, in
microseconds per event: a for the request, its features, the join and the label, b for one contender's answer, score and
learning step. With real models the ratio engine / bare loop is shown. Ends (CSV, JSON lines, writing) are lines of
their own.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from engine import Engine, Label, Plan, Request, Schema
from engine.messages import Answer, Features, Message, Target
from engine.models.spec import parse_model
from engine.schema import Column, Kind
from engine.targets import Targets, Task
from engine.watermark import Watermark
from streams.codec import Columns, RecordCodec
from streams.feed import Feed
from streams.files import open_source
from streams.garbage import looked_for_seldom
from streams.jsonl_sink import JsonlSink
from streams.label_delay import LabelDelay
from streams.runner import Runner, slices

EVENT_COUNT = 20_000
HEAVY_EVENT_COUNT = 1_500
FEATURE_COUNT = 8
SLICES = (1, 256)
CONTENDER_COUNTS = (1, 2, 4)
HEAVY = {
    "scaler|LR": "river.preprocessing.StandardScaler() | river.linear_model.LogisticRegression()",
    "GaussianNB": "river.naive_bayes.GaussianNB()",
    "HoeffdingTree": "river.tree.HoeffdingTreeClassifier()",
    "ARF10": "river.forest.ARFClassifier(seed=1)",
}


class Null:
    """A model that costs next to nothing, in our own protocol."""

    def predict(self, x: Features) -> Answer:
        """Return always the same."""
        return False, 0.25

    def learn(self, x: Features, target: Target, weight: float) -> None:
        """Learn nothing."""

    def snapshot(self) -> None:
        """Return nothing."""

    def restore(self, state: object) -> None:
        """Take nothing back."""


def events(count: int) -> tuple[list[dict[str, float]], list[bool]]:
    """Return features and targets: a linear rule with noise from a small congruential sequence."""
    state = 12345
    rows, targets = [], []
    for _ in range(count):
        x = {}
        for j in range(FEATURE_COUNT):
            state = (1103515245 * state + 12345) % 2**31
            x[f"f{j}"] = state / 2**31
        rows.append(x)
        targets.append(x["f0"] + x["f1"] > 1.1)
    return rows, targets


def timed(run: Callable[[], None], count: int) -> float:
    """Return microseconds per event."""
    start = perf_counter()
    run()
    return (perf_counter() - start) / count * 1e6


def plan(champion: object, challengers: dict[str, object], detectors: Sequence[str] = ()) -> Plan:
    """Return a plan over numeric columns, without the baseline."""
    schema = Schema(tuple(Column(f"f{j}", Kind.NUMERIC, required=True) for j in range(FEATURE_COUNT)))
    return Plan(
        schema=schema,
        champion=champion,
        champion_name="c0",
        challengers=challengers,
        baseline=False,
        detectors=detectors,
    )


def null_engine(contender_count: int, detectors: Sequence[str] = ()) -> Engine:
    """Return an engine of contenders that cost nothing; its understudy learns as ever."""
    engine = Engine(plan("majority()", {f"c{j}": "majority()" for j in range(1, contender_count)}, detectors))
    for contender in engine.learner.contenders:
        contender.model = Null()
    return engine


def run_engine(engine: Engine, messages: list[Message], slice_count: int) -> Callable[[], None]:
    """Return the run of an engine over messages."""

    def run() -> None:
        for at in range(0, len(messages), slice_count):
            engine.process(messages[at : at + slice_count])

    return run


def run_bare(models: Sequence[Any], rows: list[dict[str, float]], targets: list[bool]) -> Callable[[], None]:
    """Return the loop anybody would write."""

    def run() -> None:
        for x, y in zip(rows, targets, strict=True):
            for model in models:
                model.predict(x)
                model.learn(x, y, 1.0)

    return run


def overhead(rounds: int) -> dict[str, Any]:
    """Return a and b for each slice length, and what a detector adds."""
    rows, targets = events(EVENT_COUNT)
    messages: list[Message] = []
    for index, (x, y) in enumerate(zip(rows, targets, strict=True)):
        messages += [Request(index, x), Label(index, y)]
    spent: dict[tuple[Any, ...], list[float]] = {}
    for _ in range(rounds):
        for k in CONTENDER_COUNTS:
            bare = timed(run_bare([Null() for _ in range(k)], rows, targets), EVENT_COUNT)
            for size in SLICES:
                whole = timed(run_engine(null_engine(k), messages, size), EVENT_COUNT)
                spent.setdefault((size, k), []).append(whole - bare)
        watched = timed(run_engine(null_engine(1, ["river.drift.ADWIN()"]), messages, 256), EVENT_COUNT)
        plain = timed(run_engine(null_engine(1), messages, 256), EVENT_COUNT)
        spent.setdefault(("detector",), []).append(watched - plain)
    found: dict[str, Any] = {}
    low, high = CONTENDER_COUNTS[0], CONTENDER_COUNTS[-1]
    for size in SLICES:
        b = median(
            (after - before) / (high - low) for before, after in zip(spent[size, low], spent[size, high], strict=True)
        )
        a = median(spent[size, low]) - low * b
        found[f"slice {size}"] = {
            "a_us": a,
            "b_us": b,
            "by_contenders": {k: median(spent[size, k]) for k in CONTENDER_COUNTS},
        }
    found["ADWIN on the loss, us"] = median(spent["detector",])
    return found


def heavy(rounds: int) -> dict[str, Any]:
    """Return, per real model, the bare loop and how much longer the engine takes."""
    rows, targets = events(HEAVY_EVENT_COUNT)
    messages: list[Message] = []
    for index, (x, y) in enumerate(zip(rows, targets, strict=True)):
        messages += [Request(index, x), Label(index, y)]
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in HEAVY}
    for _ in range(rounds):
        for name, spec in HEAVY.items():
            model = river_model(spec)
            bare = timed(lambda model=model: bare_river(model, rows, targets), HEAVY_EVENT_COUNT)
            engine = Engine(plan(spec, {}))
            whole = timed(run_engine(engine, messages, 256), HEAVY_EVENT_COUNT)
            spent[name].append((bare, whole))
    return {
        name: {"bare_us": median(bare for bare, _ in pairs), "ratio": median(whole / bare for bare, whole in pairs)}
        for name, pairs in spent.items()
    }


def river_model(spec: str) -> Any:
    """Return River's own object behind a spec."""
    return parse_model(spec, task=Task.BINARY, seed=0, name="bare").model.estimator  # type: ignore[attr-defined]


def bare_river(model: Any, rows: list[dict[str, float]], targets: list[bool]) -> None:
    """Predict and learn, as in River's own documentation."""
    for x, y in zip(rows, targets, strict=True):
        model.predict_proba_one(x)
        model.learn_one(x, y)


def ends(rounds: int) -> dict[str, float]:
    """Return what reading and writing cost per event, with an engine that costs nothing in between."""
    rows, targets = events(EVENT_COUNT)
    spent: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        csv, jsonl = Path(folder) / "in.csv", Path(folder) / "in.jsonl"
        names = list(rows[0])
        csv.write_text(
            ",".join([*names, "y"])
            + "\n"
            + "".join(f"{','.join(repr(x[n]) for n in names)},{int(y)}\n" for x, y in zip(rows, targets, strict=True))
        )
        jsonl.write_text("".join(json.dumps({**x, "y": int(y)}) + "\n" for x, y in zip(rows, targets, strict=True)))
        for _ in range(rounds):
            for name, path in (("CSV", csv), ("JSON lines", jsonl)):
                spent.setdefault(f"read {name}", []).append(timed(lambda path=path: _drain(str(path)), EVENT_COUNT))
                spent.setdefault(f"read and decode {name}", []).append(
                    timed(lambda path=path: _decode(str(path)), EVENT_COUNT)
                )
                for out in (None, str(Path(folder) / "out")):
                    label = f"whole run from {name}" + (", written to a directory" if out else "")
                    spent.setdefault(label, []).append(
                        timed(lambda path=path, out=out: _replay(str(path), out), EVENT_COUNT)
                    )
    return {name: median(values) for name, values in spent.items()}


def _drain(path: str) -> None:
    for _ in open_source(path):
        pass


def _feed(path: str, codec: RecordCodec) -> Feed:
    return Feed(open_source(path), codec, LabelDelay(Watermark(86_400_000, 10)))


def _decode(path: str) -> None:
    codec = RecordCodec(Columns(target="y"), Targets(Task.BINARY, classes=(0, 1), positive=1))
    for _ in slices(_feed(path, codec), 256):
        pass


def _replay(path: str, out: str | None) -> None:
    engine = null_engine(1)
    engine.scorer.targets = Targets(Task.BINARY, classes=(0, 1), positive=1)
    codec = RecordCodec(Columns(target="y"), engine.scorer.targets)
    sink = JsonlSink(out) if out else None
    Runner(engine, _feed(path, codec), codec, sink).run(256, lambda _: None)
    if sink is not None:
        sink.close()


def main() -> None:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", metavar="FILE")
    given = parser.parse_args()
    with looked_for_seldom():
        found = {
            "python": platform.python_version(),
            "overhead": overhead(given.rounds),
            "heavy": heavy(given.rounds),
            "ends_us": ends(given.rounds),
        }
    for size in SLICES:
        line = found["overhead"][f"slice {size}"]
        print(f"slice {size:>3}: a = {line['a_us']:5.2f} us, b = {line['b_us']:4.2f} us per event")
    print(f"ADWIN on the loss: {found['overhead']['ADWIN on the loss, us']:.2f} us")
    for name, pair in found["heavy"].items():
        print(f"{name:<14} bare loop {pair['bare_us']:8.1f} us, engine {pair['ratio']:.3f} x")
    for name, us in found["ends_us"].items():
        print(f"{name:<52} {us:6.2f} us")
    if given.json:
        Path(given.json).write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
