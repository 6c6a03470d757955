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
PAYMENTS, NOTEBOOK = blocks("README.md", "python")
(CONFIGURATION,) = blocks("README.md", "toml")
(SHOWN,) = blocks("README.md", "text")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Return the shell of a reader who has run the Python that writes payments.csv."""
    shell = Shell(tmp_path_factory.mktemp("reader"))
    shell.run_python(PAYMENTS)
    return shell


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


def test_the_first_command_prints_what_the_readme_shows(reader: Shell) -> None:
    done = reader.run(RUN.split(" && ")[-1])
    assert without_times(done.stderr + done.stdout) == without_times(SHOWN)


def test_the_replay_runs_on_the_file_that_the_readme_makes(reader: Shell) -> None:
    done = reader.run(REPLAY)
    assert "3,000 events" in done.stdout
    assert "negative by policy" in done.stdout
    assert "dead letters" not in done.stdout
    assert sorted(path.name for path in (reader.directory / "results").iterdir()) == sorted(
        re.findall(r"^\| `(\w+\.jsonl?)` \|", README, re.MULTILINE)
    )


def test_every_flag_of_that_command_is_explained_below_it() -> None:
    explained = README[README.index("| flag | here |") : README.index("`sidestream replay --help`")]
    for flag in re.findall(r"--[a-z-]+", REPLAY):
        assert f"`{flag}" in explained, flag


def test_the_worker_runs_on_the_same_file_and_the_audit_finds_nothing(reader: Shell) -> None:
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


def test_check_takes_a_file_that_says_what_flags_say(reader: Shell) -> None:
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


def test_every_column_of_the_tables_is_explained() -> None:
    explained = README[README.index("| column | meaning |") : README.index("Every figure has")]
    columns = re.split(r"  +| (?=f1|role|log|balanced|accuracy|µs|kappa)", SHOWN.splitlines()[2])
    assert len(columns) == 8
    for column in [*columns, "mae", "rmse", "r2"]:
        assert f"`{column.strip()}`" in explained, column
