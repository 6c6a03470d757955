"""Compiled kernels are kept between processes, by their sources: announced once, and never served stale."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from engine.kernels.loading import KERNELS
from streams.kernel_cache import VARIABLE, key

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = os.devnull
"""No directory can be made below it, not even by root."""
HOMELESS = dict.fromkeys(("HOME", "XDG_CACHE_HOME", VARIABLE), NOWHERE)

EVENTS = "size,fraud\n" + "".join(f"{number % 7},{number % 2}\n" for number in range(20))
REPLAY = ("replay", "-", "--target", "fraud", "--champion", "naive_bayes()", "--json")

PROBE = '''"""A kernel whose one sum is elsewhere."""
from engine.kernels.callee import added
from engine.kernels.ground import kernel


@kernel("float64(float64)")
def take(value):
    return added(value)
'''
CALLEE = '''"""What the kernel calls."""
from engine.kernels.ground import part


@part
def added(value):
    return value + {}
'''
ASK = """
import sys
from engine.kernels.loading import load
from streams import kernel_cache
if "keyed" in sys.argv:
    kernel_cache.prepare(lambda words: print(words, file=sys.stderr))
print(load("probe").take(1.0))
"""


def ran(script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own, whose only kernel cache is where the variables say."""
    inherited = {name: value for name, value in os.environ.items() if name not in {VARIABLE, "XDG_CACHE_HOME"}}
    environment = {**inherited, "PYTHONPATH": str(ROOT), **variables}
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=environment["PYTHONPATH"],
        env=environment,
        input=EVENTS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def sidestream(*arguments: str, before: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return ran(f"{before}\nimport sys\nfrom streams.cli.app import main\nmain(sys.argv[1:])", *arguments, **variables)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the project with two more kernel files: one is called from outside, the other by it."""
    for package in ("engine", "streams"):
        copytree(ROOT / package, tmp_path / package, ignore=ignore_patterns("__pycache__"))
    kernels = tmp_path / "engine" / "kernels"
    (kernels / "probe.py").write_text(PROBE, encoding="utf-8")
    (kernels / "callee.py").write_text(CALLEE.format("1.0"), encoding="utf-8")
    return tmp_path


def edit_callee(copied: Path) -> None:
    (copied / "engine" / "kernels" / "callee.py").write_text(CALLEE.format("20.0"), encoding="utf-8")


def test_an_edited_callee_gives_the_new_result_in_a_new_process(copied: Path, tmp_path: Path) -> None:
    where = {"PYTHONPATH": str(copied), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert ran(ASK, "keyed", **where).stdout == "2.0\n"
    edit_callee(copied)
    again = ran(ASK, "keyed", **where)
    assert again.stdout == "21.0\n"
    assert "compiling the kernels of probe" in again.stderr


def test_a_directory_that_is_not_named_by_the_sources_serves_the_old_result(copied: Path, tmp_path: Path) -> None:
    """Why each state of the sources has its own: where numba sees an edited callee by itself, `key` can go."""
    where = {"PYTHONPATH": str(copied), VARIABLE: str(tmp_path / "cache")}
    assert ran(ASK, **where).stdout == "2.0\n"
    edit_callee(copied)
    assert ran(ASK, **where).stdout == "2.0\n"


def test_compiling_is_announced_once_and_on_standard_error(tmp_path: Path) -> None:
    first, second = (sidestream(*REPLAY, XDG_CACHE_HOME=str(tmp_path)) for _ in range(2))
    assert [line.partition(":")[0] for line in first.stderr.splitlines()] == ["sidestream", "sidestream"]
    assert "compiling the kernels of bayes, once on this machine" in first.stderr
    assert second.stderr == ""
    assert json.loads(first.stdout)["state_digest"] == json.loads(second.stdout)["state_digest"]


def test_without_a_place_to_keep_kernels_it_is_said_and_the_command_goes_on() -> None:
    done = sidestream(*REPLAY, before=f"import tempfile\ntempfile.tempdir = {NOWHERE!r}", **HOMELESS)
    assert "compiled kernels cannot be kept: no cache directory can be written" in done.stderr
    assert json.loads(done.stdout)["events"] == 20


def test_a_kernel_file_compiled_for_another_that_imports_it_is_announced_with_it_alone(copied: Path) -> None:
    both = ASK.replace('load("probe")', '(load("probe"), load("callee"))[0]')
    where = {"PYTHONPATH": str(copied), "XDG_CACHE_HOME": str(copied / "cache")}
    first, second = (
        ran(both, "keyed", **where),
        ran(ASK.replace("probe", "callee").replace("take", "added"), "keyed", **where),
    )
    assert [line.partition(" in ")[0] for line in first.stderr.splitlines()] == [
        "compiling the kernels of probe, once on this machine: some seconds, for forests up to a minute",
        "compiled probe",
    ]
    assert second.stderr == ""


def test_a_command_that_makes_no_compiled_model_makes_no_directory(tmp_path: Path) -> None:
    sidestream("models", "majority", XDG_CACHE_HOME=str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_warm_up_compiles_every_kernel_once_and_says_where_it_is_kept(tmp_path: Path) -> None:
    one = "from engine.kernels import loading\nloading.KERNELS = ('bayes',)"
    first, second = (sidestream("warm-up", before=one, XDG_CACHE_HOME=str(tmp_path)).stdout for _ in range(2))
    assert re.sub(r"[\d.]+ s$", "- s", first, flags=re.MULTILINE).splitlines() == [
        "numba  loaded in - s",
        "bayes  compiled in - s",
        f"kept in {tmp_path / 'sidestream' / 'kernels' / key()}",
    ]
    assert "bayes  loaded in " in second


def test_every_kernel_file_is_warmed_up() -> None:
    sources = (ROOT / "engine" / "kernels").glob("*.py")
    assert set(KERNELS) == {path.stem for path in sources if "\n@kernel(" in path.read_text(encoding="utf-8")}


TEMPORARY = """
import os, sys, tempfile
from streams.kernel_cache import prepare
tempfile.tempdir = sys.argv[1]
os.getuid = lambda: int(sys.argv[2])
print(prepare(print))
"""


def test_a_strangers_temporary_directory_is_left_alone(tmp_path: Path) -> None:
    """What is kept is run as it is, so nobody else may have put it there."""
    mine, other = tmp_path.stat().st_uid, tmp_path.stat().st_uid + 1
    place = tmp_path / f"sidestream-kernels-{mine}" / key()
    assert ran(TEMPORARY, str(tmp_path), str(mine), **HOMELESS).stdout == f"{place}\n"
    assert "cannot be kept" in ran(TEMPORARY, str(tmp_path), str(other), **HOMELESS).stdout
