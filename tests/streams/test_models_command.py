"""`sidestream models --measure`: what our compiled models cost here."""

from __future__ import annotations

import json

import pytest

from engine.models.spec import OWN_MODELS
from streams.model_costs import compiled_models
from tests.said import Said


def test_costs_are_those_of_the_models_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    said = Said(capsys, "models", "naive", "--measure", "--json")
    assert said.code == 0
    (found,) = json.loads(said.out)
    assert (found["model"], found["task"]) == ("naive_bayes", "binary")
    assert all(found[name] > 0.0 for name in ("predict_us", "learn_us", "both_us"))
    assert found["memory_bytes"] > 2 * 20 * 4 * 8


def test_costs_have_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    said = Said(capsys, "models", "naive_bayes", "--measure")
    assert "naive_bayes  binary" in said.out
    assert "4,000 events of 20 numbers" in said.out


def test_a_word_that_no_compiled_model_has_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    said = Said(capsys, "models", "majority", "--measure")
    assert said.code == 2
    assert f"no compiled model is called 'majority'; there are {', '.join(compiled_models())}" in said.err
    assert said.out == ""


def test_only_compiled_models_are_measured() -> None:
    assert "naive_bayes" in compiled_models()
    assert not {"majority", "blend"} & set(compiled_models())
    assert set(compiled_models()) <= set(OWN_MODELS)
