"""The worker's guide is true: every command on it runs, in order, in one new directory, and comes out as it says."""

from __future__ import annotations

import re

import pytest

from streams.meter import Status
from streams.settings_sections import TopicSettings
from tests.shell import ROOT, Shell, blocks

GUIDE = "docs/guides/worker.md"
PAGE = (ROOT / GUIDE).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Return the shell of a reader who has the two files and the configuration."""
    shell = Shell(tmp_path_factory.mktemp("reader"))
    (makes_files,) = blocks(GUIDE, "python")
    shell.run_python(makes_files)
    (configuration,) = blocks(GUIDE, "toml")
    (shell.directory / "pipeline.toml").write_text(configuration, encoding="utf-8")
    return shell


def test_the_guide_runs_from_its_first_command_to_its_last(reader: Shell) -> None:
    begin, killed, commands, verdict, past, joined, dead = blocks(GUIDE, "sh")

    said = reader.run(begin)
    assert "pipeline.toml: in order" in said.stdout
    assert '"model\\":\\"rules\\"' in said.stdout

    said = reader.run(killed)
    assert "promote 'tree': done" in said.stdout
    assert "answering as tree" in said.stderr
    assert re.search(r"^requests +3,000$", said.stdout, re.MULTILINE)
    assert re.search(r"^records not taken yet +0$", said.stdout, re.MULTILINE)
    assert "everything holds" in said.stdout

    said = reader.run(commands)
    effects = re.findall(r'\\"verb\\":\\"(\w+)\\".*?\\"effect\\":\\"(\w+)\\"', said.stdout)
    assert effects == [("rollback", "done"), ("bench", "done"), ("restore", "done"), ("promote", "done")]

    assert "hold 'tree': queued" in reader.run(verdict).stdout

    said = reader.run(past)
    assert "the same bits" in said.stdout
    assert re.search(r"^nb +challenger", said.stdout, re.MULTILINE)
    assert re.search(r"^ +champion: tree$", said.stdout, re.MULTILINE)
    assert "everything holds" in said.stdout

    reader.run(joined)
    trail = (reader.directory / "state" / "audit.jsonl").read_text(encoding="utf-8")
    effects = re.findall(r'"verb":"(hold|allow)".*?"effect":"(\w+)"', trail)
    assert effects == [("hold", "done"), ("allow", "done")]

    assert "learned 0" in reader.run("sidestream inspect state | grep 'nb:'").stdout

    said = reader.run(dead)
    assert said.stdout.count("not_a_number") == 2


def test_the_commands_on_the_page_of_the_log_run_on_the_same_payments(reader: Shell) -> None:
    (block,) = blocks("docs/embedded-log.md", "sh")
    said = reader.run(block.replace("--log state", "--log another"))
    assert re.search(r"^requests +0 +0 +3,000", said.stdout, re.MULTILINE)


def test_the_guide_has_a_line_for_every_topic() -> None:
    for name in TopicSettings().names():
        assert f"| `{name}` |" in PAGE, name


def test_the_guide_shows_a_status_line_as_it_is_and_explains_each_of_its_words() -> None:
    status = Status(
        events=1_205,
        events_per_s=10_480.0,
        answer_s_p99=0.0259,
        backlog=411,
        pending=330,
        champion="tree",
        rolling_loss=0.4389,
        label_delay_s=5.8 * 86_400,
        checkpoint_age_s=12.0,
        tape=0,
        behind_s=0.0392,
    )
    assert f"{status.line()}\n" in blocks(GUIDE, "text")
    section = PAGE[PAGE.index("## The status line") : PAGE.index("## Stopping")]
    words = re.findall(r"^\| `(.+?)` \|", section, re.MULTILINE)
    assert len(words) == len(re.split(r", (?=10)| \| ", status.line()))
    for each in words:
        assert each in status.line(), each
