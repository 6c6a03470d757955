"""Routing from settings to files: what a replay says, what a worker does again after a kill, what the log shows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import ConfigError, SnapshotError
from streams.cli.app import main
from streams.ground import Ground, checkpoints_of, start_at
from streams.history import rebuild
from streams.pipeline import resolved_pipeline
from streams.settings import load_settings
from streams.settings_routing import RoutingSettings
from streams.simulated_disk import Loss, PowerCut
from tests.payments import payments, write_csv
from tests.replays import read_back, run
from tests.workers import Life, settings_of

ARMS = {"linear": 0.4, "bayes": 0.6}
MODES = {
    "ab": {"mode": "ab", "arms": ARMS, "planned_count": 10},
    "epsilon_greedy": {"mode": "epsilon_greedy", "arms": list(ARMS)},
    "thompson": {"mode": "thompson", "arms": list(ARMS), "memory_count": 20},
}
modes = pytest.mark.parametrize("routing", MODES.values(), ids=MODES.keys())


def outputs(life: Life) -> dict[str, list[bytes]]:
    """Return every line of every output topic."""
    names = ("predictions", "shadow", "ends", "alarms", "audit")
    return {name: [record.value for record in life.log.read(name, 0, 0, count_max=10_000).records] for name in names}


@modes
def test_a_worker_that_was_killed_goes_on_to_the_same_bytes(routing: dict[str, object]) -> None:
    settings = settings_of(routing=routing)
    whole, killed = Life(settings=settings), Life(settings=settings)
    whole.arrive(120)
    killed.arrive(120)
    whole.run()
    for operations in (5, 40, 70):
        killed.disk.crash_before = killed.disk.operation_count + operations
        with pytest.raises(PowerCut):
            killed.run()
        killed.disk = killed.disk.restarted(Loss.NOTHING)
        killed.log.lapse()
    killed.run()
    expected, found = outputs(whole), outputs(killed)
    for name in ("predictions", "shadow", "ends", "alarms"):
        assert found[name] == expected[name]
    answers = [json.loads(line) for line in found["predictions"]]
    assert {answer["model"] for answer in answers} == set(ARMS)
    assert all(set(answer["propensities"]) == set(ARMS) for answer in answers)
    digest = whole.recovered().replica.engine.state_digest()
    assert killed.recovered().replica.engine.state_digest() == digest
    # From nothing but the journal, too: each commit is made again and compared.
    killed.disk = type(killed.disk)(killed.disk.root)
    assert killed.recovered().replica.engine.state_digest() == digest


@modes
def test_a_decision_that_an_arm_made_is_made_again_bit_for_bit(routing: dict[str, object]) -> None:
    life = Life(settings=settings_of(routing=routing))
    life.arrive(40)
    life.run()
    ground = ground_of(life)
    for number in (0, 17, 39):
        rebuilt = rebuild(ground, f"e{number}")
        assert rebuilt.recomputed == rebuilt.committed
        answered = {each.name: each.answer for each in rebuilt.contenders}
        assert all(answer is not None for answer in answered.values())


def ground_of(life: Life) -> Ground:
    """Return a log with what is needed to look at its past."""
    pipeline = resolved_pipeline(life.settings, start_at(life.log, 0)["resolved"])
    kept = replace(checkpoints_of(life.settings, pipeline, None), disk=life.disk)
    return Ground(life.settings, life.log, pipeline, kept)


REPLAY = ("payments.csv", "--target", "fraud", "--id", "id", "--drop", "label_ts", "--time", "ts")
CONTENDERS = ("--champion", "nb=river.naive_bayes.GaussianNB()", "--challenger", "tree=majority()")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "payments.csv", payments(400))
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    run(*arguments)
    return capsys.readouterr().out


def test_estimates_from_the_files_are_those_of_the_summary(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Labels come with their requests here, so what has matured is what the files hold."""
    arms = ("--routing", "thompson", "--arm", "nb", "--arm", "tree")
    run("replay", *REPLAY, *CONTENDERS, *arms, "--out", "out")
    estimates = json.loads(printed(capsys, "offpolicy", "out", "--json"))
    summary = read_back(here / "out").summary
    assert estimates == summary["experiment"]["off_policy"]
    direct = {name: 1.0 - model["metrics"]["accuracy"] for name, model in summary["models"].items()}
    assert {name: each["direct"] for name, each in estimates.items()} == pytest.approx(direct)
    assert "unsupported" in printed(capsys, "offpolicy", "out")


def test_a_replay_says_what_its_experiment_came_to(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arms = ("--routing", "ab", "--arm", "nb=0.5", "--arm", "tree=0.5")
    capsys.readouterr()
    run("replay", *REPLAY, *CONTENDERS, *arms)
    said = capsys.readouterr()
    assert "experiment experiment: ab, control nb" in said.out
    assert "  tree less nb: " in said.out
    assert "t-test and chi-square: no planned_count was set before the start" in said.out
    assert "with 80 % power takes" in said.err
    assert "events a day" in said.err
    (here / "read.toml").write_text("[routing]\nplanned_count = 50\n", encoding="utf-8")
    assert "at the first 50 per arm" in printed(capsys, "replay", *REPLAY, *CONTENDERS, *arms, "--config", "read.toml")


def test_off_policy_says_what_it_cannot_read(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("replay", *REPLAY, *CONTENDERS, "--out", "plain")
    for directory, told in (("plain", "nothing was shared out in this run"), ("nowhere", "cannot be read")):
        with pytest.raises(SystemExit) as left:
            main(["offpolicy", directory])
        assert left.value.code == 4
        assert told in capsys.readouterr().err


def test_power_prints_counts_and_days(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("power", "--baseline", "0.05", "--effect", "0.01", "--per-day", "10000")
    assert "t-test or chi-square, read once: 6,745 matured events per arm, 1.3 days" in printed(capsys, *asked)
    assert json.loads(printed(capsys, *asked, "--json"))["fixed"] == {"per_arm": 6_745, "days": 1.349}
    assert "days" not in printed(capsys, *asked[:5])


def test_arms_are_a_table_or_a_list_and_read_back_as_they_were_given() -> None:
    for given in ({"a": 0.25, "b": 0.75}, ["a=0.25", "b = 0.75"]):
        rules = load_settings(None, {"routing": {"mode": "ab", "arms": given}}, {}).routing.rules()
        assert rules.arms == (("a", 0.25), ("b", 0.75))
    assert RoutingSettings(mode="thompson", arms=["a", "b"]).rules().arms == (("a", None), ("b", None))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"an arm is NAME or NAME=SHARE, such as tree=0.5, got 'a=much'"):
        load_settings(None, {"routing": {"mode": "ab", "arms": ["a=much", "b"]}}, {}).routing.rules()


@pytest.mark.parametrize(
    ("sections", "problem"),
    [
        ({"routing": {"arms": ["a", "b"]}}, r"\[routing\] arms needs a mode that shares requests out"),
        (
            {"routing": {"mode": "ab", "arms": ["a=1"]}, "promotion": {"mode": "automatic"}},
            r"\[routing\] mode ab and \[promotion\] mode automatic both change who answers",
        ),
    ],
)
def test_settings_of_routing_that_contradict_others_are_refused(
    sections: dict[str, dict[str, object]], problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem):
        load_settings(None, sections, {})


def test_a_worker_is_refused_another_routing_by_name() -> None:
    life = Life(settings=settings_of(routing=MODES["ab"]))
    life.arrive(10)
    life.run()
    life.settings = settings_of(routing={**MODES["ab"], "arms": {"linear": 0.5, "bayes": 0.5}})
    life.arrive(5)
    with pytest.raises(SnapshotError, match=r"routing\.arms"):
        life.run()
