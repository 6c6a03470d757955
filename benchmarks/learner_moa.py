"""MOA in `benchmarks.learners`, through CapyMOA: its own test-then-train loop in Java, over events held in Java.

Importing this file starts the JVM. MOA's logistic regression has no scaler before it: the one there is keeps its means
for all streams of a process together. Its learning rate is River's. Its forest looks at as many features as ours and
River's, and in a second row at the 60 % that are its own default.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from capymoa.base import MOAClassifier
from capymoa.classifier import AdaptiveRandomForestClassifier, HoeffdingAdaptiveTree, HoeffdingTree, NaiveBayes
from capymoa.evaluation import prequential_evaluation
from capymoa.stream import ARFFStream, MOAStream, Schema

from benchmarks.learner_streams import Table
from engine.targets import Task

MakeModel = Callable[[Schema, Task], Any]


class Held(MOAStream):  # type: ignore[misc, type-arg]
    """A stream of the events that are held in Java."""

    def __init__(self, schema: Schema, held: Any) -> None:
        from moa.streams import CachedInstancesStream

        self.schema, self.moa_stream, self._CLI = schema, CachedInstancesStream(held), None


@cache
def hold(table: Table) -> tuple[Schema, Any]:
    """Bring the events into Java."""
    from com.yahoo.labs.samoa.instances import Instances

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.arff"
        with path.open("w", encoding="utf-8") as file:
            file.write(f"@relation {table.name.replace(' ', '')}\n")
            file.writelines(f"@attribute f{place} numeric\n" for place in range(len(table.names)))
            file.write(f"@attribute class {{{','.join(map(str, range(len(table.classes))))}}}\n@data\n")
            for row, code in zip(table.numbers.tolist(), table.codes, strict=True):
                file.write(f"{','.join(map(repr, row))},{code}\n")
        stream = ARFFStream(path)
        held = Instances(stream.moa_stream.getHeader(), 0)
        while stream.moa_stream.hasMoreInstances():
            held.add(stream.moa_stream.nextInstance().getData())
    return stream.get_schema(), held


def of_moa(make: MakeModel) -> Callable[[Table], Callable[[int, int], int]]:
    """Return MOA's loop over one of its models."""

    def begin(table: Table) -> Callable[[int, int], int]:
        schema, held = hold(table)
        stream, model = Held(schema, held), make(schema, table.task)

        def go(begin: int, end: int) -> int:
            found = prequential_evaluation(stream, model, max_instances=end - begin, restart_stream=False)
            return round(found.cumulative.accuracy() / 100.0 * (end - begin))

        return go

    return begin


def logistic(schema: Schema, task: Task) -> Any:
    """Return MOA's logistic regression."""
    from moa.classifiers.functions import SGD, SGDMultiClass

    return MOAClassifier(SGDMultiClass() if task is Task.MULTICLASS else SGD(), schema, CLI="-o LOGLOSS -r 0.01")


def forest(max_features: float | str) -> MakeModel:
    """Return a maker of MOA's adaptive random forest of ten trees."""
    return lambda schema, _: AdaptiveRandomForestClassifier(schema, ensemble_size=10, max_features=max_features)


def moas() -> Iterator[tuple[str, str, Callable[[Table], Callable[[int, int], int]]]]:
    """Yield who, what learner, and how to begin its course."""
    yield "MOA", "logistic", of_moa(logistic)
    yield "MOA", "naive Bayes", of_moa(lambda schema, _: NaiveBayes(schema))
    yield "MOA", "Hoeffding tree", of_moa(lambda schema, _: HoeffdingTree(schema))
    yield "MOA", "adaptive tree", of_moa(lambda schema, _: HoeffdingAdaptiveTree(schema))
    yield "MOA", "ARF10", of_moa(forest("sqrt"))
    yield "MOA, 60 % of features", "ARF10", of_moa(forest(0.6))
