"""The Faust app without a broker: it is made of settings, refuses what it cannot use, and its agent takes commands."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.errors import ConfigError
from streams.memory_log import MemoryLog
from tests.shell import blocks
from tests.workers import settings_of

pytest.importorskip("faust", reason="its extra is missing: pip install 'sidestream[faust]'")

ROOT = Path(__file__).resolve().parents[2]
COMMAND = {"verb": "bench", "contender": "bayes", "by": "ann@desk", "at_ms": 1, "reason": "it sleeps"}


def made(directory: Path, **kafka: Any) -> Any:
    """Return the app of a worker."""
    from streams.faust_app import make_app

    return make_app(settings_of(log={"dir": str(directory)}, kafka={"address": "127.0.0.1:9", **kafka}), {})


def looped(look: Callable[[], Any]) -> Any:
    """Look at an app where an event loop runs: outside one, Faust makes one that nobody closes."""

    async def looking() -> Any:
        return look()

    return asyncio.run(looking())


def run(code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SIDESTREAM_")}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**kept, **environ}, capture_output=True, text=True, check=False
    )


def test_the_module_is_imported_without_settings_and_without_a_broker() -> None:
    done = run("import streams.faust_app")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_an_app_without_settings_says_which_variable_is_missing() -> None:
    done = run("from streams.faust_app import app")
    assert (done.returncode, done.stderr) == (
        2,
        "sidestream: which settings? set SIDESTREAM_CONFIG to the path of the worker's TOML file\n",
    )


def test_a_log_in_a_directory_is_refused_by_the_faust_app(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.toml"
    path.write_text('[log]\ndir = "state"\n[input]\ntarget = "y"\nid = "id"\n[contenders]\nchampion = "majority()"\n')
    done = run("from streams.faust_app import app", SIDESTREAM_CONFIG=str(path))
    assert done.returncode == 2
    assert "a Faust worker needs a log on Kafka: set [kafka] address" in done.stderr


def test_topics_of_the_agent_are_nobody_elses() -> None:
    from streams.faust_app import make_app

    settings = settings_of(kafka={"address": "127.0.0.1:9"}, topics={"alarms": "replies"})
    with pytest.raises(ConfigError, match=r"\[topics\] alarms is 'replies', which a Faust worker has for its agent"):
        make_app(settings, {})


def test_the_web_server_listens_on_this_machine_alone_and_faust_makes_no_topic(tmp_path: Path) -> None:
    conf = looped(lambda: made(tmp_path).conf)
    assert (conf.web_bind, conf.topic_allow_declare, conf.topic_disable_leader) == ("127.0.0.1", False, True)


def test_faust_proves_who_it_is_as_the_worker_does(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of a file\n")
    sasl = {"security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-256", "sasl_plain_username": "me"}
    sasl["sasl_plain_password_file"] = str(secret)
    credentials = looped(lambda: made(tmp_path, **sasl).conf.broker_credentials)
    assert (credentials.username, credentials.password) == ("me", "of a file")
    assert (credentials.protocol.value, credentials.mechanism.value) == ("SASL_SSL", "SCRAM-SHA-256")
    assert credentials.ssl_context is not None
    assert looped(lambda: made(tmp_path).conf.broker_credentials) is None


def test_the_agent_takes_a_command_refuses_nonsense_and_goes_on(tmp_path: Path) -> None:
    asked = (COMMAND, {**COMMAND, "reason": ""}, COMMAND, {**COMMAND, "at_ms": 2})
    done = subprocess.run(
        [sys.executable, "-m", "tests.streams.faust_agent", str(tmp_path)],
        cwd=ROOT,
        input="".join(json.dumps(record) + "\n" for record in asked),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [(each["command"], each["repeated"]) for each in found["replies"]] == [
        (0, False),
        (None, False),
        (0, True),
        (1, False),
    ]
    assert "reason says why" in found["replies"][1]["refused"]
    assert found["commands"] == [COMMAND, {**COMMAND, "at_ms": 2}]


def test_the_page_starts_it_as_it_is_started_and_shows_a_command_that_the_agent_takes() -> None:
    from streams.command_desk import CommandDesk
    from streams.faust_app import ASKED, CONFIG_VARIABLE, REPLIES

    (start,) = [block for block in blocks("docs/kafka.md", "sh") if "faust" in block]
    assert start == f"export {CONFIG_VARIABLE}=pipeline.toml\nfaust -A streams.faust_app worker -l info\n"
    (command,) = [block for block in blocks("docs/kafka.md", "json") if "verb" in block]
    assert CommandDesk(MemoryLog(), "commands", "replies").take(command.encode())["refused"] is None
    assert (ASKED, REPLIES) == ("asked", "replies")
