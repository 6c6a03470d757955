"""What a look found and is void: models that were replaced since, holds, and what has been recommended already."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Command, Engine, Label, Request, Verb
from engine.evidence.losses import zero_one
from engine.evidence.restarting import Restarting
from engine.evidence.rules import EvidenceRules
from engine.messages import Message, Outcomes
from engine.promotion_rules import PromotionMode, PromotionRules
from engine.snapshot import decode, encode
from engine.standing import Standing
from engine.tape import Row
from engine.targets import Task
from tests.scripted import Reads, engine_of, right, rules_of, stream

EPOCH = 200
BOTH_RIGHT = ({"a": 0.9, "b": 0.9}, True)


def spoken(name: str) -> str:
    return f'rules("{name} > 0.5 -> 0.9; otherwise 0.1")'


def watched(mode: PromotionMode, resets: str) -> Engine:
    """Return an engine in which one contender forgets all it knows as soon as it errs often."""
    return engine_of(
        rules_of(mode=mode, epoch_inputs=EPOCH),
        champion=spoken("a"),
        challengers={"b": spoken("b")},
        detectors=("e_sr(run_length=1_000_000, m=0.5)",),
        reactions=((resets, "reset()"),),
    )


def fooled(resets: str) -> list[Message]:
    """Return events until a look finds the challenger better, then errors of one contender until the next look."""
    errs = {"b": ({"a": 0.9, "b": 0.1}, True), "a": ({"a": 0.1, "b": 0.9}, True)}[resets]
    before = [BOTH_RIGHT] * (EPOCH // 2 - 40) + [right("b", "a")] * 14 + [BOTH_RIGHT] * 26
    return stream(before + [errs] * 30 + [BOTH_RIGHT] * 90)


def in_pieces(engine: Engine, messages: Sequence[Message], size: int, steps: int) -> Outcomes:
    """Have the challengers lag: they take so many steps after each slice."""
    out = Outcomes()
    for at in range(0, len(messages), size):
        said = engine.answer(messages[at : at + size])
        engine.catch_up(said, steps)
        for name in Outcomes.__slots__:
            getattr(out, name).extend(getattr(said, name))
    engine.catch_up(out)
    return out


@pytest.mark.parametrize("mode", [PromotionMode.AUTOMATIC, PromotionMode.RECOMMEND])
@pytest.mark.parametrize("resets", ["a", "b"])
def test_whoever_is_reset_between_look_and_effect_what_was_seen_is_void(mode: PromotionMode, resets: str) -> None:
    found = []
    for size, steps in ((1_000, 10_000), (1, 2), (7, 5), (EPOCH, 0)):
        engine = watched(mode, resets)
        messages = fooled(resets)
        out = in_pieces(engine, messages, size, steps)
        (reset,) = out.reactions
        assert EPOCH <= reset.position < 2 * EPOCH, "between the look and its effect"
        assert [*out.promotions, *out.recommended] == []
        found.append(engine.state_digest())
    assert len(set(found)) == 1


RUNS = st.lists(st.tuples(st.integers(0, 7), st.integers(1, 12)), min_size=8, max_size=20)
"""Who is right, as bits, and for how many events."""

Runs = list[tuple[int, int]]
SAID = [Command(Verb.HOLD, "b"), Command(Verb.ALLOW, "b"), Command(Verb.BENCH, "c"), Command(Verb.RESTORE, "c")]


def lived(mode: PromotionMode, runs: Runs, commands: dict[int, Command], lag: Random | None) -> tuple[Any, ...]:
    """Return what became of three contenders that all forget at a whim; with a lag, in slices of any length."""
    engine = engine_of(
        rules_of(mode=mode, evidence=EvidenceRules(run_length=2.0), harm_run_length=3.0),
        champion=spoken("a"),
        challengers={"b": spoken("b"), "c": spoken("c")},
        detectors=("e_sr(run_length=60, m=0.5)",),
        reactions=((None, "reset()"),),
    )
    messages = stream(
        ({name: 0.9 if right >> bit & 1 else 0.1 for bit, name in enumerate("abc")}, True)
        for right, length in runs
        for _ in range(length)
    )
    out, at = Outcomes(), 0
    while at < len(messages):
        if at in commands:
            engine.command(commands[at], out)
        ends = min([each for each in commands if each > at] + [len(messages)])
        stop = ends if lag is None else min(ends, at + lag.randrange(1, 30))
        said = engine.answer(messages[at:stop])
        engine.catch_up(said, None if lag is None else lag.randrange(40))
        for name in Outcomes.__slots__:
            getattr(out, name).extend(getattr(said, name))
        at = stop
    engine.catch_up(out)
    resets = sorted(out.reactions, key=lambda each: (each.position, each.contender))
    return out.promotions, out.recommended, out.commanded, resets, engine.state_digest()


@settings(max_examples=40)
@given(
    runs=RUNS,
    mode=st.sampled_from([PromotionMode.AUTOMATIC, PromotionMode.RECOMMEND]),
    commands=st.dictionaries(st.integers(0, 199), st.sampled_from(SAID), max_size=6),
    seed=st.integers(0, 2**32),
)
def test_what_is_decided_does_not_depend_on_who_lags(
    runs: Runs, mode: PromotionMode, commands: dict[int, Command], seed: int
) -> None:
    assert lived(mode, runs, commands, None) == lived(mode, runs, commands, Random(seed))


def test_without_the_reset_the_same_events_promote() -> None:
    """Else the test above would prove nothing."""
    engine = watched(PromotionMode.AUTOMATIC, "a")
    messages = fooled("a")
    for contender in engine.learner.contenders:
        contender.react_with(None)
    assert engine.process(messages).promotions[0].position == 2 * EPOCH


def apart(first: str, second: str, champion: str = "a") -> tuple[dict[str, float], bool]:
    return {first: 0.9, second: 0.1, champion: 0.1}, True


def test_two_that_overtake_each_other_are_recommended_once_each() -> None:
    engine = engine_of(rules_of(mode=PromotionMode.RECOMMEND), others=("b", "c"))
    both = [({"a": 0.1, "b": 0.9, "c": 0.9}, True)] * 40
    turns = [each for turn in range(1, 9) for each in [apart(*("bc" if turn % 2 else "cb"))] * (2 * turn) * 2]
    out = engine.process(stream(both + turns))
    assert [said.challenger for said in out.recommended] == ["b", "c"]


@pytest.mark.parametrize("verb", [Verb.BENCH, Verb.HOLD])
def test_who_comes_back_is_recommended_again_when_the_evidence_is_enough_again(verb: Verb) -> None:
    engine = engine_of(rules_of(mode=PromotionMode.RECOMMEND))
    assert len(engine.process(stream([right("b", "a")] * 60)).recommended) == 1
    engine.command(Command(verb, "b"))
    assert engine.process(stream([right("b", "a")] * 60, first=60)).recommended == []
    engine.command(Command(Verb.RESTORE if verb is Verb.BENCH else Verb.ALLOW, "b"))
    assert len(engine.process(stream([right("b", "a")] * 60, first=120)).recommended) == 1


def test_what_was_recommended_is_remembered_over_a_snapshot() -> None:
    rules = rules_of(mode=PromotionMode.RECOMMEND)
    first, second = engine_of(rules), engine_of(rules)
    assert len(first.process(stream([right("b", "a")] * 60)).recommended) == 1
    second.restore(decode(encode(first.snapshot())))
    assert second.process(stream([right("b", "a")] * 60, first=60)).recommended == []


def test_a_held_former_champion_does_not_keep_others_from_being_promoted() -> None:
    """It would be restored for harm, but for the command; the third is better than both."""
    engine = engine_of(rules_of(harm_run_length=50.0), others=("b", "c"))
    promoted = engine.process(stream([({"a": 0.1, "b": 0.9, "c": 0.1}, True)] * 60)).promotions
    assert [each.after for each in promoted] == ["b"]
    engine.command(Command(Verb.HOLD, "a"))
    out = engine.process(stream([({"a": 0.9, "b": 0.1, "c": 0.9}, True)] * 100, first=60))
    assert [(each.after, each.rule) for each in out.promotions] == [("c", "fixed")]


@pytest.mark.parametrize(("margin", "worse_in", "is_harm"), [(-0.2, 10, False), (-0.2, 2, True), (0.2, 10, True)])
def test_harm_is_not_what_the_margin_allows(margin: float, worse_in: int, is_harm: bool) -> None:
    """A challenger that may be worse by a fifth is not taken back for being worse by a tenth."""
    former = Standing(rules_of(margin=margin), zero_one, binary=True)
    former.harm = Restarting()
    for index in range(2_000):
        wrong = index % worse_in == 0
        former.add(Row(index, index, None, None, 2), (not wrong, 0.9), (True, 0.9), target=True)
    assert (former.harm.log_e >= log(rules_of().harm_run_length)) == is_harm


def test_a_contender_that_nobody_compares_remembers_no_replacement() -> None:
    """Nobody would ever take them down."""
    engine = engine_of(PromotionRules())
    for _ in range(5):
        engine.command(Command(Verb.BENCH, "b"))
        engine.command(Command(Verb.RESTORE, "b"))
    assert all(not contender.replaced for contender in engine.learner.contenders)


def standing_of(engine: Engine, name: str = "b") -> dict[str, Any]:
    found: dict[str, Any] = engine.summary().data["promotion"]["standings"][name]
    return found


def test_where_the_gain_moved_it_is_said_on_how_many_events_its_bounds_rest() -> None:
    engine = engine_of(rules_of(mode=PromotionMode.RECOMMEND, evidence=EvidenceRules("fixed", "bernstein")))
    engine.process(stream([right("b", "a")] * 300 + [right("a", "b")] * 300))
    found = standing_of(engine)
    assert found["matured"] == 600
    assert 0 < found["gain_matured"] < 300


def test_an_answer_that_is_no_number_is_as_wrong_as_can_be_and_ends_nothing() -> None:
    """A mean of targets that overflow is no number."""
    engine = engine_of(
        rules_of(loss_max=10.0),
        task=Task.REGRESSION,
        classes=(),
        positive=None,
        champion="mean()",
        challengers={"b": "no_change()"},
    )
    targets = [1e308, -1e308, 1e308] + [5.0] * 100
    messages = [each for index, y in enumerate(targets) for each in (Request(index, {"x": 1.0}), Label(index, y))]
    (promoted,) = engine.process(messages).promotions
    assert promoted.after == "b"


def regrown(engine: Engine, **challengers: object) -> Engine:
    """Return an engine with other challengers that goes on from this one."""
    other = engine_of(rules_of(epoch_inputs=EPOCH), challengers=challengers)
    other.graft(decode(encode(engine.snapshot())))
    return other


def found_better() -> Engine:
    """Return an engine between the look that found its challenger better and the look at which that takes effect."""
    engine = engine_of(rules_of(epoch_inputs=EPOCH))
    engine.process(stream([right("b", "a")] * (EPOCH // 2 + 1)))
    return engine


def test_a_graft_without_the_one_that_was_found_better_promotes_nobody() -> None:
    other = regrown(found_better(), c=Reads("c"))
    assert other.process(stream([({"a": 0.9, "c": 0.9}, True)] * EPOCH, first=EPOCH // 2 + 1)).promotions == []
    other = regrown(found_better(), b=Reads("b"), c=Reads("c"))
    more = stream([({"a": 0.9, "b": 0.9, "c": 0.9}, True)] * EPOCH, first=EPOCH // 2 + 1)
    assert [each.after for each in other.process(more).promotions] == ["b"]


def test_a_graft_gives_no_evidence_to_another_model_of_the_same_name() -> None:
    other = regrown(found_better(), b=spoken("b"))
    assert standing_of(other)["matured"] == 0
    both_right = stream([({"a": 0.9, "b": 0.9}, True)] * EPOCH, first=EPOCH // 2 + 1)
    assert other.process(both_right).promotions == []
    assert standing_of(other)["matured"] == EPOCH


def test_nobody_goes_back_to_another_model_that_has_a_former_champions_name() -> None:
    engine = engine_of(rules_of(epoch_inputs=EPOCH), others=("b", "c"))
    engine.command(Command(Verb.PROMOTE, "b"))
    engine.command(Command(Verb.PROMOTE, "c"))
    (refused,) = regrown(engine, b=spoken("b"), c=Reads("c")).command(Command(Verb.ROLLBACK)).commanded
    assert (refused.champion, refused.refused) == ("a", None), "past the b that is no more"
