"""The README is true: its commands and its Python run as they stand, and what it shows is what comes out.

Installing is left to those who install: continuous integration runs the same words. Everything else is run here, in
order, in one new directory, as a reader would who copies block after block.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
RUN, TEST, *COMMANDS = [block for language, block in BLOCKS if language == "sh"]
CODE = [block for language, block in BLOCKS if language == "python"]
(SHOWN,) = [block for language, block in BLOCKS if language == "text"]

SIDESTREAM = [sys.executable, "-c", "from streams.cli.app import main; main()"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}


def run(command: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run one of the README's calls of `.venv/bin/sidestream`, which stands here for the code under test."""
    words = shlex.split(command.replace("\\\n", " "))
    assert words[0] == ".venv/bin/sidestream"
    return subprocess.run(
        [*SIDESTREAM, *words[1:]], cwd=directory, env=ENVIRONMENT, capture_output=True, text=True, check=True
    )


def run_python(block: str, directory: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block],
        cwd=directory,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a reader who has run the Python that writes payments.csv."""
    directory = tmp_path_factory.mktemp("reader")
    run_python(CODE[0], directory)
    return directory


def without_times(text: str) -> list[str]:
    """Return the lines of a run without what depends on the machine: the last column, the rate, and the digest.

    The digest names every bit, and another processor or Python (whose `sum` rounds otherwise from 3.12 on) has others.
    """
    lines = []
    for line in text.strip().splitlines():
        timed = re.sub(r" in [\d.]+ s \([\d,]+/s\)|(?<=digest: )[0-9a-f]{16}$", "", line.rstrip())
        lines.append(re.sub(r" +[\d.,]+$", "", timed) if re.search(r"champion|challenger|baseline", line) else timed)
    return lines


def test_the_two_commands_make_an_environment_install_and_run() -> None:
    install, run_it = "python3 -m venv .venv && .venv/bin/pip install -q ", " && .venv/bin/"
    assert f"{install}.{run_it}sidestream replay river:Phishing\n" == RUN
    assert f"{install}-e '.[test]'{run_it}pytest\n" == TEST


def test_continuous_integration_installs_and_tests_as_the_readme_says() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "python3 -m venv .venv\n" in script
    assert re.search(r"^\.venv/bin/pip install .*'\.\[test\]'$", script, re.MULTILINE)
    assert re.search(r"\.venv/bin/pytest$", script, re.MULTILINE)


def test_the_first_command_prints_what_the_readme_shows(tmp_path: Path) -> None:
    done = run(RUN.split(" && ")[-1].strip(), tmp_path)
    assert without_times(done.stderr + done.stdout) == without_times(SHOWN)


def test_the_other_commands_run_on_the_file_that_the_readme_makes(reader: Path) -> None:
    (command,) = COMMANDS
    done = run(command, reader)
    assert "3,000 events" in done.stdout
    assert "negative by policy" in done.stdout
    assert "dead letters" not in done.stdout
    assert sorted(path.name for path in (reader / "results").iterdir()) == sorted(
        re.findall(r"^\| `(\w+\.jsonl?)` \|", README, re.MULTILINE)
    )


def test_every_flag_of_that_command_is_explained_below_it() -> None:
    (command,) = COMMANDS
    explained = README[README.index("| flag | here |") : README.index("`sidestream replay --help`")]
    for flag in re.findall(r"--[a-z-]+", command):
        assert f"`{flag}" in explained, flag


def test_commands_within_sentences_run(tmp_path: Path) -> None:
    said = re.findall(r"`(sidestream [a-z ]+(?:--help)?)`", README)
    assert {"sidestream replay --help", "sidestream models tree", "sidestream detectors"} <= set(said)
    for command in said:
        assert run(f".venv/bin/{command}", tmp_path).stdout


def test_check_takes_a_file_that_says_what_flags_say(reader: Path) -> None:
    (reader / "FILE").write_text('[input]\npaths = "payments.csv"\ntarget = "fraud"\n', encoding="utf-8")
    (command,) = re.findall(r"`(sidestream check FILE)`", README)
    assert "FILE: in order" in run(f".venv/bin/{command}", reader).stdout


def test_the_notebook_runs_in_ten_lines_and_shows_a_table(tmp_path: Path) -> None:
    block = CODE[1]
    assert len([line for line in block.splitlines() if line.strip()]) <= 12
    assert run_python(block, tmp_path).startswith("(True, 0.9")
    last = block.strip().splitlines()[-1]
    shown = run_python(block.replace(last, f"print({last}._repr_html_())"), tmp_path)
    assert "<table>" in shown
    assert "<td>tree</td><td>challenger</td>" in shown


def test_every_column_of_the_tables_is_explained() -> None:
    explained = README[README.index("| column | meaning |") : README.index("Every figure has")]
    columns = re.split(r"  +| (?=f1|role|log|balanced|accuracy|µs|kappa)", SHOWN.splitlines()[2])
    assert len(columns) == 8
    for column in [*columns, "mae", "rmse", "r2"]:
        assert f"`{column.strip()}`" in explained, column
