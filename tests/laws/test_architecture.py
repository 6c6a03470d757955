"""The laws of the house, read from the source: arrows go one way, third parties have one door, files stay small."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted([*ROOT.glob("engine/**/*.py"), *ROOT.glob("streams/**/*.py")])
NAMES = [str(path.relative_to(ROOT)) for path in FILES]

FILE_LINES_MAX = 400
BODY_LINES_MAX = 60
PARAMETERS_MAX = 6
FORBIDDEN_NAMES = {"utils", "common", "helpers", "core", "base", "misc", "manager"}
FORBIDDEN_FILES = {"streams/http.py", "streams/faust.py"}

IMPURE = {
    "asyncio",
    "logging",
    "os",
    "pathlib",
    "random",
    "secrets",
    "socket",
    "subprocess",
    "sys",
    "threading",
    "time",
}
ENGINE_THIRD_PARTIES = {
    "numpy": {
        *("engine/snapshot.py", "engine/object_state.py", "engine/object_thaw.py", "engine/allow_list.py"),
        "engine/drift/kind.py",  # fits thousands of shapes at once; elementwise operations and running sums only
        # Whole windows are compared at once, column by column; elementwise operations and running sums only.
        *(f"engine/shift/{name}.py" for name in ("baseline", "columns", "distances", "label_flow", "old_or_new")),
        *(f"engine/shift/{name}.py" for name in ("trail", "watcher", "windows")),
    },
    "numba": {"engine/kernels/ground.py"},
    "river": {"engine/models/river_model.py", "engine/drift/river_detector.py"},
}
ARRAY_ROOMS = ("engine/kernels/", "engine/models/compiled/")
"""Where state is arrays; sums and links run event by event in a kernel."""
STREAMS_DOORS = {
    "orjson": {"streams/jsonl_file.py", "streams/codec.py", "streams/parquet_file.py", "streams/river_sets.py"}
    | {"streams/off_policy_files.py"},
    "pydantic": {
        "streams/settings.py",
        "streams/settings_fields.py",
        "streams/settings_sections.py",
        "streams/settings_judgement.py",
        "streams/settings_routing.py",
    },
    "pyarrow": {"streams/parquet_file.py"},
    "river": {"streams/river_sets.py"},
    "time": {"streams/clock.py"},
    "sqlite3": {"streams/log_file.py", "streams/embedded_log.py", "streams/partition_row.py"},
    "fcntl": {"streams/log_file.py", "streams/worker_lock.py", "streams/write_turn.py"},
    "aiokafka": {
        f"streams/{name}.py"
        for name in (
            *("kafka", "kafka_access", "kafka_cluster", "kafka_journal", "kafka_leader", "kafka_lease", "kafka_loop"),
            *("kafka_odd_names", "kafka_reader", "kafka_sizes", "kafka_snapshots", "kafka_survey", "kafka_topics"),
            *("kafka_wire", "kafka_writer"),
        )
    },
    "uvloop": {"streams/kafka_loop.py"},
    "faust": {"streams/faust_app.py"},
    "mode": {"streams/faust_app.py"},
    "click": None,
    "rich": None,
}
CLI_ONLY = {"click", "rich"}
ADAPTERS = {
    *("csv_file", "jsonl_file", "parquet_file", "river_sets", "jsonl_sink", "labels_file", "synthetic"),
    *("embedded_log", "kafka", "memory_log"),
}


def imports(path: Path) -> set[str]:
    """Return the dotted names a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def top(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_engine_never_imports_streams_and_touches_nothing_of_the_world(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    if not name.startswith("engine/"):
        return
    used = top(imports(path))
    assert "streams" not in used
    allowed = (
        {"random"} if name in {"engine/allow_list.py", "engine/object_state.py", "engine/object_thaw.py"} else set()
    )
    assert not (used & IMPURE) - allowed, f"{name} touches the world"
    for third_party, doors in ENGINE_THIRD_PARTIES.items():
        if third_party in used and not (third_party == "numpy" and name.startswith(ARRAY_ROOMS)):
            assert name in doors, f"{third_party} has its own doors: {sorted(doors)}"
    assert not used & (set(STREAMS_DOORS) - set(ENGINE_THIRD_PARTIES) - {"time"})


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_each_third_party_has_one_door_in_streams(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    if not name.startswith("streams/"):
        return
    used = top(imports(path))
    for third_party, doors in STREAMS_DOORS.items():
        if third_party in used:
            if third_party in CLI_ONLY:
                assert name.startswith("streams/cli/"), f"{third_party} belongs to the command line"
            else:
                assert doors is not None
                assert name in doors, f"{third_party} has its own doors: {sorted(doors)}"


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_adapters_never_import_each_other(path: Path) -> None:
    if path.stem not in ADAPTERS:
        return
    others = {f"streams.{adapter}" for adapter in ADAPTERS - {path.stem}}
    assert not imports(path) & others


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_files_and_functions_stay_small(path: Path) -> None:
    if str(path.relative_to(ROOT)).startswith("engine/kernels/"):
        return  # a kernel is one loop over flat arrays: it hands over many, and is cut where numba is fast
    text = path.read_text()
    lines = len(text.splitlines())
    assert lines <= FILE_LINES_MAX, f"{lines} lines: it wants to be two files"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            start = node.body[1].lineno if documented and len(node.body) > 1 else first.lineno
            body = (node.end_lineno or start) - start + 1
            assert body <= BODY_LINES_MAX, f"{node.name} has {body} lines"
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            count = len([a for a in arguments if a.arg not in {"self", "cls"}])
            assert count <= PARAMETERS_MAX, f"{node.name} takes {count} parameters"


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_names_say_something_and_every_file_says_what_it_is(path: Path) -> None:
    assert path.stem not in FORBIDDEN_NAMES
    assert str(path.relative_to(ROOT)) not in FORBIDDEN_FILES
    assert ast.get_docstring(ast.parse(path.read_text())), "a file opens by saying what lives there"


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_engine_never_asks_for_hash_or_identity(path: Path) -> None:
    if not str(path.relative_to(ROOT)).startswith("engine/"):
        return
    called = {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert "hash" not in called, "hash() differs from process to process"
    assert not called & {"open", "print", "input", "exec", "eval"}
