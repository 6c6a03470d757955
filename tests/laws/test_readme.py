"""The README is true: its commands and its Python run as they stand, and what it shows is what comes out.

Installing is left to those who install: continuous integration runs the same words. Everything else is run here, in
order, in one new directory, as a reader would who copies block after block.
"""

from __future__ import annotations

import re

import pytest

from tests.shell import ROOT, Shell, blocks

README = (ROOT / "README.md").read_text(encoding="utf-8")
RUN, TEST, REPLAY, WORKER = blocks("README.md", "sh")
(NOTEBOOK,) = blocks("README.md", "python")
(CONFIGURATION,) = blocks("README.md", "toml")
(SHOWN,) = blocks("README.md", "text")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Return the shell of a reader who has run nothing yet."""
    return Shell(tmp_path_factory.mktemp("reader"))


@pytest.fixture(scope="module")
def replayed(reader: Shell) -> str:
    """Return what the replay said; from here on payments.csv and results are there."""
    return reader.run(REPLAY).stdout


def without_times(text: str) -> list[str]:
    """Return the lines of a run without what depends on the machine: its seconds, and the digest.

    The digest names every bit, and another processor or Python (whose `sum` rounds otherwise from 3.12 on) has others.
    """
    lines = (line.rstrip() for line in text.strip().splitlines())
    return [re.sub(r" in [\d.]+ s(?=;)|(?<=digest: )[0-9a-f]{16}$", "", line) for line in lines]


def test_the_two_commands_make_an_environment_install_and_run() -> None:
    install, run_it = "python3 -m venv .venv && .venv/bin/pip install -q ", " && .venv/bin/"
    assert f"{install}.{run_it}sidestream demo\n" == RUN
    assert f"{install}-e '.[test]'{run_it}pytest\n" == TEST


def test_continuous_integration_installs_and_tests_as_the_readme_says() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "python3 -m venv .venv\n" in script
    assert re.search(r"^\.venv/bin/pip install .*'\.\[test\]'$", script, re.MULTILINE)
    assert re.search(r"\.venv/bin/pytest$", script, re.MULTILINE)


def test_the_first_command_ends_as_the_readme_shows(reader: Shell) -> None:
    said = without_times(reader.run(RUN.split(" && ")[-1]).stdout)
    shown = without_times(SHOWN)
    begin = said.index(shown[0])
    assert said[begin : begin + len(shown)] == shown
    assert said[begin + len(shown) : begin + len(shown) + 2] == ["", "Next"]


def test_the_replay_runs_on_the_file_that_the_demo_writes(reader: Shell, replayed: str) -> None:
    assert "3,000 events" in replayed
    assert "negative by policy" in replayed
    assert "dead letters" not in replayed
    assert sorted(path.name for path in (reader.directory / "results").iterdir()) == sorted(
        re.findall(r"^\| `(\w+\.jsonl?)` \|", README, re.MULTILINE)
    )


def test_every_flag_of_that_command_is_explained_below_it() -> None:
    explained = README[README.index("| flag | here |") : README.index("`sidestream replay --help`")]
    for flag in set(re.findall(r"--[a-z-]+", REPLAY)) - {"--write"}:
        assert f"`{flag}" in explained, flag


def test_the_worker_runs_on_the_same_file_and_the_audit_finds_nothing(reader: Shell, replayed: str) -> None:
    (reader.directory / "pipeline.toml").write_text(CONFIGURATION, encoding="utf-8")
    done = reader.run(WORKER)
    assert re.search(r"^requests +3,000$", done.stdout, re.MULTILINE)
    assert re.search(r"^requests negative by policy +[1-9]", done.stdout, re.MULTILINE)
    assert re.search(r"^entries of the audit trail +3$", done.stdout, re.MULTILINE)
    assert re.search(r"^(labels|requests) dead +[1-9]", done.stdout, re.MULTILINE) is None
    assert "everything holds" in done.stdout


def test_commands_within_sentences_run(reader: Shell) -> None:
    said = re.findall(r"`(sidestream [a-z ]+(?:--help)?)`", README)
    assert {"sidestream replay --help", "sidestream models tree", "sidestream detectors"} <= set(said)
    for command in said:
        assert reader.run(command).stdout


def test_check_takes_a_file_that_says_what_flags_say(reader: Shell, replayed: str) -> None:
    (reader.directory / "FILE").write_text('[input]\npaths = "payments.csv"\ntarget = "fraud"\n', encoding="utf-8")
    (command,) = re.findall(r"`(sidestream check FILE)`", README)
    assert "FILE: in order" in reader.run(command).stdout


def test_the_notebook_runs_in_ten_lines_and_shows_a_table(reader: Shell) -> None:
    assert len([line for line in NOTEBOOK.splitlines() if line.strip()]) <= 12
    assert reader.run_python(NOTEBOOK).startswith("(True, 0.9")
    last = NOTEBOOK.strip().splitlines()[-1]
    shown = reader.run_python(NOTEBOOK.replace(last, f"print({last}._repr_html_())"))
    assert "<table>" in shown
    assert "<td>tree</td><td>challenger</td>" in shown


def test_every_column_of_the_tables_is_explained(replayed: str) -> None:
    explained = README[README.index("| column | meaning |") : README.index("Every figure has")]
    heading = next(line for line in replayed.splitlines() if line.startswith("contender"))
    columns = re.split(r"  +| (?=f1|role|log|balanced|accuracy|µs|kappa)", heading)
    assert len(columns) == 8
    for column in [*columns, "mae", "rmse", "r2"]:
        assert f"`{column.strip()}`" in explained, column
    shown = SHOWN.splitlines()[0]
    for column in ("caught", "alerts right", "Brier loss"):
        assert column in shown
        assert f"*{column}*" in README, column
