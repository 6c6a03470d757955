"""What the peers of `benchmarks.kafka` do with a request: our champion's model, asked and then taught, in Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.kafka_contestants import MODEL
from benchmarks.kafka_events import FEATURES
from engine.models.spec import parse_model
from engine.targets import Task
from streams import kernel_cache


def answering() -> Callable[[Mapping[str, Any]], dict[str, object]]:
    """Return what turns a request into its answer, and learns from the truth that the request carries."""
    kernel_cache.prepare(lambda _: None)
    model = parse_model(MODEL, task=Task.BINARY, seed=0, name="peer").model

    def answer(request: Mapping[str, Any]) -> dict[str, object]:
        x = {name: request[name] for name in FEATURES}
        decision, probability = model.predict(x)
        model.learn(x, bool(request["y"]), 1.0)
        return {"id": request["id"], "model": "logistic", "prediction": int(decision), "probability": probability}  # type: ignore[arg-type]

    return answer
