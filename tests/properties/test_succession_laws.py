"""What holds whoever answers: commands at random positions, models that fail at random, and nothing is lost."""

from __future__ import annotations

from itertools import chain
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Engine, Verb
from engine.messages import Message, Outcomes, Prediction, Request
from engine.prequential import Prequential
from engine.snapshot import decode, encode
from engine.targets import Task
from tests.successions import NAMES, POLICIES, commands_at, fickle_plan, run
from tests.worlds import told, world

SEEDS = st.integers(0, 2**32)
cases = pytest.mark.parametrize(
    ("policy", "task"),
    [*((policy, Task.BINARY) for policy in POLICIES), ("wait(2d)", Task.MULTICLASS), ("wait(2d)", Task.REGRESSION)],
)


def all_of(said: list[Outcomes], name: str) -> list[Any]:
    return list(chain.from_iterable(getattr(out, name) for out in said))


def by_position(entries: list[Any]) -> list[Any]:
    return sorted(entries, key=lambda entry: (entry.position, repr(entry)))


@cases
@given(seed=SEEDS)
@settings(max_examples=8, deadline=None)
def test_slices_of_any_length_say_the_same_bits_and_leave_the_same_state(policy: str, task: Task, seed: int) -> None:
    messages, commands = world(seed, 150, task), commands_at(seed, 200)
    results = set()
    for size in (1, 7, 500):
        engine = Engine(fickle_plan(seed % 1_000, policy, task))
        said = run(engine, messages, commands, size)
        results.add((told(said), repr(engine.summary().data), engine.state_digest()))
    assert len(results) == 1


@cases
@given(seed=SEEDS)
@settings(max_examples=6, deadline=None)
def test_how_far_a_challenger_lags_changes_nothing(policy: str, task: Task, seed: int) -> None:
    messages, random = world(seed, 150, task), Random(seed)
    # Who is shed leaves what waits: there it does matter, and the journal says how far it came.
    commands = {at: [each for each in found if each.verb != Verb.SHED] for at, found in commands_at(seed, 200).items()}
    prompt, lagging = (Engine(fickle_plan(seed % 1_000, policy, task)) for _ in range(2))
    expected = run(prompt, messages, commands, 5)
    found: list[Outcomes] = []
    for at, message in enumerate(messages):
        found += [lagging.command(command) for command in commands.get(at, ())]
        found.append(lagging.answer([message]))
        found.append(lagging.catch_up(step_count_max=random.randrange(4)))
    found.append(lagging.catch_up())
    for name in ("alarms", "benched"):
        assert by_position(all_of(found, name)) == by_position(all_of(expected, name))
        for out in (*expected, *found):
            getattr(out, name).clear()
    assert told(found) == told(expected)
    assert lagging.state_digest() == prompt.state_digest()


@cases
@given(seed=SEEDS, cut=st.integers(0, 300))
@settings(max_examples=8, deadline=None)
def test_a_snapshot_anywhere_goes_on_as_if_nothing_had_happened(policy: str, task: Task, seed: int, cut: int) -> None:
    messages, commands = world(seed, 150, task), commands_at(seed, 200)
    cut = min(cut, len(messages))
    whole, before, after = (Engine(fickle_plan(seed % 1_000, policy, task)) for _ in range(3))
    expected = run(whole, messages, commands, 9)
    said = run(before, messages[:cut], commands, 9)
    after.restore(decode(encode(before.snapshot())))
    assert after.state_digest() == before.state_digest()
    said += run(after, messages, commands, 9, cut)
    assert told(said) == told(expected)
    assert repr(after.summary().data) == repr(whole.summary().data)
    assert after.state_digest() == whole.state_digest()


@cases
@given(seed=SEEDS)
@settings(max_examples=8, deadline=None)
def test_every_request_is_answered_once_by_whoever_was_to_answer_it(policy: str, task: Task, seed: int) -> None:
    messages, commands = world(seed, 150, task), commands_at(seed, 200)
    engine = Engine(fickle_plan(seed % 1_000, policy, task))
    said = run(engine, messages, commands, 11)
    predictions: list[Prediction] = all_of(said, "predictions")
    data = engine.summary().data
    assert len(predictions) == data["predictions"] + data["duplicates"]
    requests = sum(isinstance(message, Request) for message in messages)
    assert len(predictions) == requests - sum(
        letter.kind == "request" and letter.stage != "decode" for letter in all_of(said, "dead_letters")
    )
    first = {answer.request_index: answer for answer in predictions if answer.duplicate_of is None}
    shadow = {(answer.request_index, answer.model) for answer in all_of(said, "shadow")}
    changes = all_of(said, "promotions")
    assert [change.after for change in changes[:-1]] == [change.before for change in changes[1:]]
    for answer in predictions:
        assert answer.answer is not None
        if answer.duplicate_of is not None:
            named = first[answer.duplicate_of]
            assert (answer.model, answer.rung, answer.answer) == (named.model, named.rung, named.answer)
            continue
        assert (answer.request_index, answer.model) not in shadow
        # At its own position a change may come before the answer or, where a model fails while it learns, behind it.
        earlier = [change.after for change in changes if change.position < answer.position][-1:] or ["first"]
        here = [change for change in changes if change.position == answer.position]
        assert answer.model in {*earlier, *(change.after for change in here)}
        came = {change.rule for change in changes if change.after == answer.model}
        if answer.model == "first":
            came.add("command")
        assert ("command" if answer.rung is None else "ladder") in came
    assert data["events"] == sum(data["requests"].values()) + data["duplicates"]
    assert data["labels_read"] == sum(data["labels"].values())
    assert data["champion"] == (changes[-1].after if changes else "first")
    assert data["promotion_count"] == len(changes)


@cases
@given(seed=SEEDS)
@settings(max_examples=8, deadline=None)
def test_the_figures_of_what_was_served_are_those_an_oracle_counts(policy: str, task: Task, seed: int) -> None:
    messages = world(seed, 150, task)
    commands = commands_at(seed, 200, tuple(name for name in NAMES if name != "no_change"))
    engine = Engine(fickle_plan(seed % 1_000, policy, task))
    said = run(engine, messages, commands, 1)
    answers = {each.request_index: each.answer for each in all_of(said, "predictions") if each.duplicate_of is None}
    settled: list[tuple[int, Any]] = []
    for out in said:
        # In one message time passes first. The positions tell no order: a held label keeps its own.
        settled += [(end.request_index, False) for end in out.request_ends if end.end == "negative_by_policy"]
        settled += [(end.request_index, end.target) for end in out.label_ends if end.end == "learned"]
    labelled, matured = Prequential(task, 50), Prequential(task, 50)
    for index, target in settled:
        labelled.add(answers[index], target)
    data = engine.summary().data
    assert repr(data["served"]["metrics"]) == repr(labelled.read())
    # The baseline has answered everything, so what has matured for it has matured for what was served.
    baseline = data["models"]["no_change"]["matured"]
    if policy == "wait":
        assert data["served"]["matured"] is baseline is None
        return
    for index, target in sorted(settled, key=lambda entry: entry[0])[: baseline["count"]]:
        matured.add(answers[index], target)
    assert repr(data["served"]["matured"]) == repr(matured.read())


@given(seed=SEEDS, position=st.integers(0, 300), policy=st.sampled_from(POLICIES))
@settings(max_examples=15, deadline=None)
def test_after_a_reset_figures_count_only_what_was_answered_since(seed: int, position: int, policy: str) -> None:
    messages, commands = world(seed, 150), commands_at(seed, 200)
    position = min(position, len(messages))
    engine, undisturbed = (Engine(fickle_plan(seed % 1_000, policy)) for _ in range(2))
    said = run(engine, messages[:position], commands, 9)
    engine.reset_figures()
    before = engine.summary().data
    assert all(model["metrics"]["count"] == 0 for model in [*before["models"].values(), before["served"]])
    from_index = engine.scorer.request_count
    since = run(engine, messages, commands, 9, position)
    expected = run(undisturbed, messages, commands, 9)
    assert [out.predictions for out in (*said, *since) if out.predictions] == [
        out.predictions for out in sliced_alike(expected, said, since) if out.predictions
    ]
    data = engine.summary().data
    learned = [end for end in all_of(since, "label_ends") if end.end == "learned" and end.request_index >= from_index]
    silent = [end for end in all_of(since, "request_ends") if end.end == "negative_by_policy"]
    counted = len(learned) + sum(end.request_index >= from_index for end in silent)
    assert data["served"]["metrics"]["count"] == counted
    assert all(model["metrics"]["count"] <= counted for model in data["models"].values())
    for name, model in undisturbed.summary().data["models"].items():
        assert data["models"][name]["learned_count"] == model["learned_count"]


def sliced_alike(expected: list[Outcomes], *parts: list[Outcomes]) -> list[Outcomes]:
    """Return the same predictions cut where the others were cut."""
    rest = iter(all_of(expected, "predictions"))
    return [Outcomes(predictions=[next(rest) for _ in out.predictions]) for out in chain.from_iterable(parts)]


@given(seed=SEEDS, cut=st.integers(0, 300), policy=st.sampled_from(POLICIES))
@settings(max_examples=15, deadline=None)
def test_a_graft_of_the_same_contenders_is_a_restore(seed: int, cut: int, policy: str) -> None:
    messages, commands = world(seed, 150), commands_at(seed, 200)
    cut = min(cut, len(messages))
    engine, restored, grafted = (Engine(fickle_plan(seed % 1_000, policy)) for _ in range(3))
    run(engine, messages[:cut], commands, 9)
    state = decode(encode(engine.snapshot()))
    restored.restore(state)
    grafted.graft(decode(encode(state)))
    assert grafted.state_digest() == restored.state_digest()
    assert told(run(grafted, messages, commands, 9, cut)) == told(run(restored, messages, commands, 9, cut))


@given(seed=SEEDS, cut=st.integers(0, 300), policy=st.sampled_from(POLICIES))
@settings(max_examples=15, deadline=None)
def test_contenders_grafted_on_or_left_out_change_nothing_about_the_others(seed: int, cut: int, policy: str) -> None:
    messages: list[Message] = world(seed, 150)
    cut = min(cut, len(messages))
    alike: dict[str, Any] = {"champion": "majority()", "champion_name": "first"}
    tree, linear = "river.tree.HoeffdingTreeClassifier(grace_period=20)", "river.linear_model.LogisticRegression()"
    few = {"tree": tree, "gone": "river.naive_bayes.GaussianNB()"}
    more = {"linear": linear, "rules": "rules('otherwise 0.5')", "tree": tree}
    engine = Engine(fickle_plan(0, policy, challengers=few, **alike))
    other = Engine(fickle_plan(0, policy, challengers=more, **alike))
    engine.process(messages[:cut])
    other.graft(decode(encode(engine.snapshot())))
    expected, found = engine.process(messages[cut:]), other.process(messages[cut:])
    assert found.predictions == expected.predictions
    assert not found.benched
    kept = ("first", "tree", "no_change")
    for name in kept[1:]:
        assert [s for s in found.shadow if s.model == name] == [s for s in expected.shadow if s.model == name]
    for name in kept:
        assert repr(other.summary().data["models"][name]) == repr(engine.summary().data["models"][name])
    learned = sum(end.end == "learned" for end in found.label_ends)
    learned += sum(end.end == "negative_by_policy" for end in found.request_ends)
    relearned = engine.scorer.join.ledger.relearned
    assert learned <= other.summary().data["models"]["linear"]["learned_count"] <= learned + relearned
