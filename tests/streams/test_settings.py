"""Settings: four layers in order, every problem told at once with its remedy, and a page that agrees with the code."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError
from engine.label_policy import LabelPolicy, Silence
from engine.limits import Limits
from engine.schema import Kind, Unknown
from engine.targets import Task
from streams.log_file import Durability
from streams.preparation import prepare
from streams.settings import Settings, describe_settings, load_settings
from streams.settings_conflicts import run_conflicts, task_conflicts
from streams.settings_page import settings_page

FULL = """
[input]
paths = ["a.csv", "b.csv"]
format = "csv"
target = "y"
task = "binary"
positive = "1"
id = "id"
time = "at"
drop = ["name"]
limit = 10
[labels]
delay = "1.5h"
policy = "negative_after(90d)"
on_late = "relearn"
[contenders]
champion = "majority()"
challengers = { nb = "river.naive_bayes.GaussianNB()", tree = "river.tree.HoeffdingTreeClassifier()" }
[decision]
threshold = 0.3
[detectors]
specs = "river.drift.ADWIN()"
[schema]
columns = { zip = "category", amount = "numeric" }
unknown = "refuse"
[limits]
pending_count_max = 5
[output]
dir = "out"
[run]
seed = 7
slice = 64
"""


Write: TypeAlias = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a settings file."""

    def _write(text: str) -> Path:
        path = tmp_path / "sidestream.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return _write


def problems_of(text: str, path: Path) -> list[str]:
    """Return the problems told for a file, without the name of the file before each."""
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load_settings(path, {}, {})
    lines = str(refused.value).splitlines()
    return [line.removeprefix("- ").removeprefix(f"{path}: ") for line in (lines[1:] if len(lines) > 1 else lines)]


def test_a_whole_file_is_read_as_typed_values(write: Write) -> None:
    """Words become the engine's own values: tasks, classes, policies, kinds, milliseconds, limits."""
    settings = load_settings(write(FULL), {}, {})
    assert settings.input.paths == ("a.csv", "b.csv")
    assert (settings.input.task, settings.input.positive, settings.input.drop) == (Task.BINARY, 1, ("name",))
    assert settings.labels.delay_ms == 5_400_000
    assert settings.labels.policy == LabelPolicy(Silence.NEGATIVE_AFTER, 7_776_000_000)
    assert settings.contenders.challengers == (
        "nb=river.naive_bayes.GaussianNB()",
        "tree=river.tree.HoeffdingTreeClassifier()",
    )
    assert settings.detectors.specs == ("river.drift.ADWIN()",)
    assert settings.schema.columns == {"zip": Kind.CATEGORY, "amount": Kind.NUMERIC}
    assert settings.schema.unknown is Unknown.REFUSE
    assert settings.limits == Limits(pending_count_max=5)
    assert (settings.output.dir, settings.run.seed, settings.run.slice) == ("out", 7, 64)


def test_nothing_given_is_all_defaults() -> None:
    """Without file, flags or variables there are settings, and an empty file gives the same."""
    settings = load_settings(None, {}, {"HOME": "/", "SIDESTREAM_DEBUG": "1", "SIDESTREAM_INPUT__ID": ""})
    assert settings.limits == Limits()
    assert settings.labels.policy == LabelPolicy()
    assert settings.input.paths == ()
    assert settings == load_settings(None, {"decision": {"threshold": None}, "input": {"paths": []}}, {})


@given(in_file=st.booleans(), in_environment=st.booleans(), in_flags=st.booleans())
def test_flags_outrank_the_environment_outranks_the_file(
    tmp_path_factory: pytest.TempPathFactory, *, in_file: bool, in_environment: bool, in_flags: bool
) -> None:
    """The strongest layer that gives a key decides it, and leaves its neighbours alone."""
    path = tmp_path_factory.getbasetemp() / "layers.toml"
    path.write_text(f"[run]\nslice = 11\n{'seed = 1' if in_file else ''}\n", encoding="utf-8")
    settings = load_settings(
        path,
        {"run": {"seed": 3 if in_flags else None}},
        {"SIDESTREAM_RUN__SEED": "2"} if in_environment else {},
    )
    assert settings.run.seed == (3 if in_flags else 2 if in_environment else 1 if in_file else 0)
    assert settings.run.slice == 11


def test_variables_are_typed_by_what_their_setting_takes() -> None:
    """Text stays text, numbers become numbers, lists and tables are written as in TOML."""
    settings = load_settings(
        None,
        {},
        {
            "SIDESTREAM_INPUT__PATHS": '["a.csv", "b.csv"]',
            "SIDESTREAM_INPUT__TARGET": "1",
            "SIDESTREAM_INPUT__POSITIVE": "true",
            "SIDESTREAM_INPUT__TIME": "at",
            "SIDESTREAM_LABELS__DELAY": "7d",
            "SIDESTREAM_CONTENDERS__CHALLENGERS": "majority()",
            "SIDESTREAM_DECISION__THRESHOLD": "0.25",
            "SIDESTREAM_SCHEMA__COLUMNS": '{ zip = "category" }',
            "SIDESTREAM_LIMITS__DEDUP_COUNT_MAX": "0",
        },
    )
    assert settings.input.paths == ("a.csv", "b.csv")
    assert (settings.input.target, settings.input.positive) == ("1", True)
    assert settings.labels.delay_ms == 604_800_000
    assert settings.contenders.challengers == ("majority()",)
    assert settings.decision.threshold == 0.25
    assert settings.schema.columns == {"zip": Kind.CATEGORY}
    assert settings.limits.dedup_count_max == 0


def test_paths_may_be_path_objects(tmp_path: Path) -> None:
    """The command line hands over `Path`s, alone or in a list."""
    settings = load_settings(None, {"input": {"paths": [tmp_path]}, "output": {"dir": tmp_path}}, {})
    assert settings.input.paths == (str(tmp_path),)
    assert settings.output.dir == str(tmp_path)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[decision]\ntresholds = 1", "unknown key 'tresholds' in [decision]; did you mean 'threshold'?"),
        ("[decison]\nthreshold = 1", "unknown section 'decison'; did you mean 'decision'?"),
        ("decision = 3", "[decision] must be a table, got decision = 3"),
        ("[decision]\nthreshold = '0.5'", "[decision] threshold must be a number between 0 and 1, got '0.5'"),
        ("[decision]\nthreshold = 1.5", "[decision] threshold must be a number between 0 and 1, got 1.5"),
        ("[decision]\nalert_rate = nan", "[decision] alert_rate must be a number between 0 and 1, got nan"),
        ("[decision]\nthreshold = true", "[decision] threshold must be a number between 0 and 1, got True"),
        ("[run]\nseed = 1.0", "[run] seed must be a whole number of at least 0, got 1.0"),
        ("[run]\nslice = true", "[run] slice must be a whole number of at least 1, got True"),
        ("[input]\npaths = [3]", "[input] paths must be a path or a list of paths, got 3"),
        ("[input]\ntask = 'ranking'", "[input] task must be 'binary', 'multiclass' or 'regression', got 'ranking'"),
        ("[input]\ntarget = ''", "[input] target must be a column name, got ''"),
        (
            "[schema.columns]\nage = 'number'",
            "[schema] columns must be a table of column names to 'numeric', 'category', 'text' or 'time', "
            "got 'number' for 'age'",
        ),
        (
            "[contenders.challengers]\n'1st' = 'majority()'",
            "[contenders] challengers: a contender's name is letters, digits, _ and -, from a letter on, got '1st'",
        ),
        (
            "[labels]\npolicy = 'forget'",
            "[labels] policy: a label policy is wait, wait(7d) or negative_after(90d), got 'forget'",
        ),
        (
            "[labels]\ndelay = 7",
            "[labels] delay: a duration is a number and its unit (ms, s, m, h, d, w) such as '7d' or '90m', got 7",
        ),
        ("[limits]\npending_count_max = 0", "[limits] pending_count_max must be a whole number of at least 1, got 0"),
        ("[labels]\nsource = 'file'", "[labels] source must be 'topic' or 'record', got 'file'"),
        ("[log]\ndurability = 'none'", "[log] durability must be 'power' or 'process', got 'none'"),
        ("[topics]\nrequests = 3", "[topics] requests must be a topic's name, got 3"),
        (
            "[topics]\naudit = '__audit'",
            "[topics] audit: a topic's name has 1 to 200 letters, digits, dots, underscores and hyphens and does not "
            "begin with two underscores, got '__audit'",
        ),
    ],
)
def test_a_setting_that_will_not_do_is_told_with_what_would(text: str, problem: str, tmp_path: Path) -> None:
    """One sentence: where, which setting, what was expected, what was got."""
    assert problems_of(text, tmp_path / "s.toml") == [problem]


def test_all_problems_of_all_layers_are_told_at_once(write: Write) -> None:
    """Each problem stands on its own line, under the name of the file, variable or flag that brought it."""
    path = write("[run]\nseed = 'x'\nslices = 1\n[decision]\nthreshold = 7\n")
    with pytest.raises(ConfigError) as refused:
        load_settings(path, {"output": {"dri": "x"}}, {"SIDESTREAM_INPUT__LIMIT": "many", "SIDESTREAM_RUNS__SEED": "1"})
    assert str(refused.value).splitlines() == [
        "6 settings cannot be used:",
        "- environment variable SIDESTREAM_RUNS__SEED: unknown section 'runs'; did you mean 'run'?",
        "- environment variable SIDESTREAM_INPUT__LIMIT: [input] limit must be a whole number of at least 1, "
        "got 'many'",
        f"- {path}: [decision] threshold must be a number between 0 and 1, got 7",
        "- flag --dri: unknown key 'dri' in [output]; did you mean 'dir'?",
        f"- {path}: [run] seed must be a whole number of at least 0, got 'x'",
        f"- {path}: unknown key 'slices' in [run]; did you mean 'slice'?",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[input]\ntime = 't'\n[labels]\ntime = 'lt'\ndelay = '1d'", ["[labels] time and [labels] delay both"]),
        ("[labels]\ndelay = '1d'", ["[labels] delay needs [input] time"]),
        ("[labels]\ntime = 'lt'", ["[labels] time needs [input] time"]),
        ("[labels]\npolicy = 'wait(7d)'", ["[labels] policy wait(7d) needs [input] time"]),
        ("[labels]\npath = 'labels.csv'", ["[labels] path needs [input] id"]),
        ("[labels]\non_late = 'relearn'\n[limits]\ndedup_count_max = 0", ["[labels] on_late = 'relearn' needs"]),
        ("[decision]\nthreshold = 0.5\nalert_rate = 0.1", ["[decision] threshold and [decision] alert_rate"]),
        ("[decision]\ncost_false_positive = 1", ["[decision] cost_false_positive and cost_false_negative"]),
        ("[input]\ntarget = 'y'\nid = 'y'", ["[input] target and [input] id are both column 'y'"]),
        ("[input]\ntarget = 'y'\ndrop = 'y'", ["[input] target is column 'y', which [input] drop"]),
        ("[input]\nid = 'y'\n[schema]\ncolumns = { y = 'text' }", ["[input] id is column 'y', which [schema]"]),
        ("[input]\ndrop = 'a'\n[schema]\ncolumns = { a = 'text' }", ["[input] drop takes away column 'a'"]),
        ("[input]\ntarget = 'y'\nkey = 'y'", ["[input] target and [input] key are both column 'y'"]),
        (
            "[input]\ntime = 'at'\nkey = 'k'\n[labels]\ntime = 'k'",
            ["[labels] time and [input] key are both column 'k'"],
        ),
        (
            "[topics]\nends = 'requests'\naudit = 'requests'",
            ["[topics] requests and ends are", "[topics] requests and"],
        ),
        ("[input]\ntask = 'regression'\npositive = 1", ["[input] positive is for binary tasks"]),
        (
            "[input]\ntask = 'multiclass'\ntime = 't'\n[labels]\npolicy = 'negative_after(1d)'\n"
            "[decision]\nalert_rate = 0.1",
            ["[decision] alert_rate is for binary", "[labels] policy negative_after is for binary"],
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(text: str, told: list[str], tmp_path: Path) -> None:
    """Nothing starts on a contradiction; each is told with its remedy."""
    problems = problems_of(text, tmp_path / "s.toml")
    assert len(problems) == len(told)
    for problem, beginning in zip(problems, told, strict=True):
        assert problem.startswith(beginning)


def test_a_label_time_in_its_own_file_may_have_the_name_of_the_event_time(write: Write) -> None:
    """Two files have two sets of columns."""
    text = "[input]\nid = 'id'\ntime = 'at'\n[labels]\npath = 'labels.csv'\ntime = 'at'\n"
    assert load_settings(write(text), {}, {}).labels.time == "at"


def test_a_label_time_on_its_own_topic_may_have_the_name_of_the_event_time_as_well(
    write: Write, tmp_path: Path
) -> None:
    """A replay of the same settings, where both stand in one file, is refused."""
    text = "[input]\ntarget = 'y'\nid = 'id'\ntime = 'at'\n[labels]\nsource = 'topic'\ntime = 'at'\n"
    (tmp_path / "a.csv").write_text("id,at,y\n1,1,1\n", encoding="utf-8")
    settings = load_settings(write(text), {"input": {"paths": [tmp_path / "a.csv"]}}, {})
    assert settings.labels.time == "at"
    with pytest.raises(ConfigError, match=r"\[input\] time and \[labels\] time are both column 'at' of one file"):
        prepare(settings)


def test_an_event_may_be_what_it_is_about(write: Write) -> None:
    """The key may be the id, a declared feature, or dropped."""
    text = "[input]\nid = 'card'\nkey = 'card'\ndrop = 'card'"
    assert load_settings(write("[input]\nid = 'card'\nkey = 'card'"), {}, {}).input.key == "card"
    assert load_settings(write(text.replace("id = 'card'\n", "")), {}, {}).input.drop == ("card",)


RUN = """
[input]
target = "y"
id = "id"
[log]
dir = "state"
"""


def test_a_worker_takes_what_it_needs_and_a_sample(write: Write) -> None:
    """Neither the sample nor where labels come from is a conflict; without ids each request brings its label."""
    assert (
        run_conflicts(load_settings(write(RUN + "[run]\nfallback = true"), {"input": {"paths": ["a.csv"]}}, {})) == []
    )
    beside = load_settings(write(RUN.replace('id = "id"\n', "")), {"labels": {"source": "record"}}, {})
    assert run_conflicts(beside) == []


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ({"input": {"limit": 5}}, "[input] limit is for replay: a worker goes on until it is stopped; leave it out"),
        (
            {"labels": {"path": "l.csv"}, "topics": {"labels": "truth"}},
            "[labels] path is for replay: append the file to topic 'truth'; leave it out",
        ),
        (
            {"output": {"dir": "o"}},
            "[output] dir is for replay: a worker answers on the topics of [topics]; leave it out",
        ),
        ({"run": {"state": "s"}}, "[run] state is for replay: a worker's checkpoints are in [log] dir; leave it out"),
        (
            {"input": {"time": "at"}, "labels": {"delay": "1d"}},
            "[labels] delay is for replay, where every label is known too soon; a worker's labels are late by "
            "themselves, leave it out",
        ),
        (
            {"input": {"time": "at"}, "labels": {"time": "lt", "source": "record"}},
            "[labels] time is set, and [labels] source = 'record': a worker holds no label back that came with its "
            "request; leave it out, or send late labels on their topic",
        ),
        (
            {"input": {"paths": "-"}},
            "[input] paths is only a worker's sample and cannot be standard input; name a file, or none",
        ),
    ],
)
def test_what_a_worker_cannot_use_is_told(flags: dict[str, dict[str, object]], told: str, write: Write) -> None:
    """A replay can: it is no conflict of the settings themselves."""
    assert run_conflicts(load_settings(write(RUN), flags, {})) == [told]


def test_what_a_worker_lacks_is_told() -> None:
    """A directory, the name of the target, and ids to join labels by."""
    assert run_conflicts(load_settings(None, {}, {})) == [
        "[log] dir is missing: a worker keeps its log, checkpoints and audit trail there; name it",
        "[input] target is missing: which field of a label holds the truth? name it",
        "[input] id is missing: labels on a topic are joined by id; name the column, or set [labels] source = "
        "'record' where each request brings its label",
    ]


def test_durabilities_are_those_of_the_embedded_log() -> None:
    """The settings name them without opening SQLite."""
    for durability in Durability:
        assert load_settings(None, {"log": {"durability": durability.value}}, {}).log.durability == durability
    (line,) = [line for line in describe_settings() if line.key == "log.durability"]
    assert line.type == " or ".join(repr(durability.value) for durability in Durability)


def test_event_time_is_a_feature_that_may_be_declared_or_dropped(write: Write) -> None:
    """A column of times tells when an event was; whether models may see it is the operator's choice."""
    assert load_settings(write("[input]\ntime = 'at'\ndrop = 'at'"), {}, {}).input.drop == ("at",)
    declared = load_settings(write("[input]\ntime = 'at'\n[schema]\ncolumns = { at = 'time' }"), {}, {})
    assert declared.schema.columns == {"at": Kind.TIME}


def test_an_inferred_task_meets_the_same_conflicts_as_a_given_one() -> None:
    """What the task has no use for can be asked once it is known."""
    settings = load_settings(None, {"decision": {"threshold": 0.2}}, {})
    assert task_conflicts(settings, Task.BINARY) == []
    assert task_conflicts(settings, Task.REGRESSION) == [
        "[decision] threshold is for binary tasks, and this one is regression; leave it out"
    ]


@pytest.mark.parametrize(
    ("raw", "told"),
    [(b"a = ", "not TOML"), (b"\xff", "UTF-8"), (b"a = " + b"[" * 100_000, "not TOML"), (None, "no settings file")],
    ids=["broken", "bytes", "deep", "absent"],
)
def test_a_file_that_is_none_is_refused_without_a_traceback(raw: bytes | None, told: str, tmp_path: Path) -> None:
    """Whatever the file holds, the operator gets one sentence."""
    path = tmp_path / "s.toml"
    if raw is not None:
        path.write_bytes(raw)
    with pytest.raises(ConfigError, match=told):
        load_settings(path, {}, {})
    with pytest.raises(ConfigError, match="cannot read"):
        load_settings(tmp_path, {}, {})


@given(
    st.dictionaries(
        st.sampled_from([field.name for field in fields(Settings)]) | st.text("abz", max_size=3),
        st.dictionaries(
            st.sampled_from([line.key.split(".")[1] for line in describe_settings()]) | st.text("abz", max_size=3),
            st.one_of(
                st.none(),
                st.integers(),
                st.floats(),
                st.text(max_size=5),
                st.lists(st.integers() | st.text(max_size=3), max_size=2),
                st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
                st.sampled_from(["binary", "wait", "7d", "count", 0.5, 1, object(), 10**5_000, b"x"]),
            ),
            max_size=4,
        ),
        max_size=4,
    )
)
def test_whatever_is_given_there_are_settings_or_one_config_error(flags: dict[str, dict[str, object]]) -> None:
    """No value of any type gets past as something else than `ConfigError`."""
    try:
        settings = load_settings(None, flags, {})
    except ConfigError:
        return
    assert isinstance(settings, Settings)


def test_every_limit_of_the_engine_can_be_set_and_is_described() -> None:
    """The section is made from `Limits`, so no bound is out of reach."""
    described = {line.key: line for line in describe_settings()}
    for limit in fields(Limits):
        line = described[f"limits.{limit.name}"]
        assert line.default == str(limit.default)
        assert load_settings(None, {"limits": {limit.name: 77}}, {}).limits == Limits(**{limit.name: 77})


def test_every_setting_says_what_it_takes_and_what_it_means() -> None:
    """No setting is without type, default and description."""
    for line in describe_settings():
        assert line.type, line.key
        assert line.default, line.key
        assert line.description.endswith("."), line.key


def test_the_page_agrees_with_the_code() -> None:
    """docs/settings.md is what `settings_page` returns; remake it when this fails."""
    page = Path(__file__).parents[2] / "docs" / "settings.md"
    assert page.read_text(encoding="utf-8") == settings_page()


def test_importing_settings_is_light() -> None:
    """`--help` and `check` do not pay for models: neither river nor NumPy is imported."""
    code = "import sys, streams.settings; sys.exit(len({'river', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "")
