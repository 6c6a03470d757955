"""The Dockerfile and the compose file, as far as they can be held to without an engine that runs them."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from streams.cli.app import sidestream
from streams.serving import worker_settings
from tests.shell import blocks

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
COMPOSED: dict[str, Any] = YAML(typ="safe").load(FILE.read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSED["services"]
OURS = sorted(set(SERVICES) - {"kafka"})
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PIPELINE: str = COMPOSED["configs"]["pipeline"]["content"]
MOUNTED = "/etc/sidestream.toml"


def parsed(words: list[str]) -> None:
    """Read a command line as it would be read, and carry nothing out."""
    name, *arguments = words
    command = sidestream.get_command(click.Context(sidestream), name)
    assert command is not None, f"no command {name!r}"
    command.make_context(name, list(arguments))


def check_words(words: list[str]) -> None:
    if words[0] == "sidestream":
        parsed(words[1:])


def test_the_compose_file_is_one_by_composes_own_schema() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_compose_itself_takes_the_file() -> None:
    docker = shutil.which("docker")
    version = [docker or "docker", "compose", "version"]
    if docker is None or subprocess.run(version, capture_output=True, check=False).returncode:
        pytest.skip("there is no `docker compose` here")
    command = [docker, "compose", "--file", str(FILE), "--profile", "faust", "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", OURS)
def test_commands_of_containers_are_commands_there_are(name: str) -> None:
    check_words(SERVICES[name]["command"])
    health = SERVICES[name].get("healthcheck", {"test": ["CMD", "none"]})["test"]
    assert health[0] == "CMD"
    check_words(health[1:])


def test_commands_of_the_page_on_containers_are_commands_there_are_in_services_there_are() -> None:
    """Those of docker itself are not run: there is no engine to run them."""
    said = [line.split() for block in blocks("docs/guides/containers.md", "sh") for line in block.splitlines()]
    assert all(words[:2] == ["docker", "compose"] for words in said)
    inside = [words[3:] for words in said if words[2] == "exec"]
    assert len(inside) == 4
    for service, *words in inside:
        assert service in SERVICES
        check_words(shlex.split(" ".join(words)))
        assert {word for word in words if word.startswith("/")} <= {MOUNTED, "/var/lib/sidestream"}
    page = (ROOT / "docs/guides/containers.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == set(SERVICES)
    (produce,) = re.findall(r"`(sidestream produce [^`]+)`", page)
    check_words(produce.split())


def test_the_faust_container_starts_the_app_of_ours_with_a_variable_that_it_reads() -> None:
    from streams.faust_app import CONFIG_VARIABLE

    assert SERVICES["faust"]["command"][:4] == ["faust", "-A", "streams.faust_app", "worker"]
    assert SERVICES["faust"]["environment"] == {CONFIG_VARIABLE: MOUNTED}


def test_settings_of_containers_are_a_workers_and_none_is_inferred(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.toml"
    path.write_text(PIPELINE, encoding="utf-8")
    settings = worker_settings(path, {})
    assert settings.kafka.address == "kafka:19092"
    assert settings.input.task is not None
    assert settings.input.positive is not None
    assert "$" not in PIPELINE, "compose would put a variable in its place"


def test_settings_of_containers_are_in_order_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.said import Said

    path = tmp_path / "pipeline.toml"
    path.write_text(PIPELINE.replace('address = "kafka:19092"', ""), encoding="utf-8")
    monkeypatch.setenv("SIDESTREAM_LOG__DIR", str(tmp_path / "state"))
    said = Said(capsys, "check", path)
    assert said.code == 0, said.err
    assert "champion: rules = " in said.out
    assert "challenger: tree = hoeffding_tree(" in said.out


@pytest.mark.parametrize("name", OURS)
def test_containers_of_ours_may_do_next_to_nothing(name: str) -> None:
    service = SERVICES[name]
    user, _, group = service["user"].partition(":")
    assert int(user) >= 1_000
    assert int(group) >= 1_000
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "ports", "env_file", "network_mode"} & service.keys()
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert f"USER {service['user']}\n" in DOCKERFILE


@pytest.mark.parametrize("name", ["worker", "faust"])
def test_a_worker_keeps_its_state_on_a_volume_and_has_time_to_drain(name: str) -> None:
    service = SERVICES[name]
    assert service["volumes"] == ["state:" + tomllib.loads(PIPELINE)["log"]["dir"]]
    assert int(service["stop_grace_period"].removesuffix("s")) >= 60


def test_the_broker_is_bound_to_this_machine_and_has_all_of_its_settings() -> None:
    broker = SERVICES["kafka"]
    assert all(port.startswith("127.0.0.1:") for port in broker["ports"])
    given = broker["environment"]
    listeners = re.findall(r"(\w+)://", given["KAFKA_LISTENERS"])
    assert dict(pair.split(":") for pair in given["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")).keys() == set(
        listeners
    )
    advertised = dict(each.split("://") for each in given["KAFKA_ADVERTISED_LISTENERS"].split(","))
    assert advertised == {"INTERNAL": tomllib.loads(PIPELINE)["kafka"]["address"], "HOST": "localhost:9092"}
    for name in ("OFFSETS_TOPIC_REPLICATION_FACTOR", "TRANSACTION_STATE_LOG_REPLICATION_FACTOR"):
        assert given[f"KAFKA_{name}"] == "1", "there is one broker"
    assert broker["healthcheck"]["test"][1].endswith("kafka-broker-api-versions.sh")


def test_whatever_runs_on_has_a_health_check_and_waits_for_what_it_needs() -> None:
    for name, service in SERVICES.items():
        if name == "topics":
            assert service["restart"] == "no"
            assert service["depends_on"] == {"kafka": {"condition": "service_healthy"}}
            continue
        assert service["healthcheck"]["test"]
        if name != "kafka":
            assert service["depends_on"] == {"topics": {"condition": "service_completed_successfully"}}


def test_images_are_named_with_a_version() -> None:
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    for name, service in SERVICES.items():
        tag = service["image"].partition(":")[2]
        assert re.match(r"\d+\.\d+", tag), service["image"]
        assert name == "kafka" or tag == ours
    assert re.search(r"^ARG PYTHON=3\.\d+\.\d+-slim-\w+$", DOCKERFILE, re.MULTILINE)
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"python:${PYTHON}"}


def test_what_the_image_copies_and_installs_is_there_and_is_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[0] == "*"
    for line in re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        for name in line.split():
            assert (ROOT / name).exists(), name
            assert f"!{name}" in ignored
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    asked = {service["build"]["args"]["EXTRAS"] for service in (SERVICES[name] for name in OURS)}
    assert asked | set(re.findall(r"^ARG EXTRAS=(\w+)$", DOCKERFILE, re.MULTILINE)) <= extras.keys()


def test_the_image_compiles_for_no_particular_processor_and_starts_with_what_it_compiled(tmp_path: Path) -> None:
    """What the entry point does is done here with folders of the test's own."""
    assert "NUMBA_CPU_NAME=generic" in DOCKERFILE
    (entry,) = re.findall(r'^ENTRYPOINT \["/bin/sh", "-c", "(.+)", "sidestream"\]$', DOCKERFILE, re.MULTILINE)
    (built, started) = re.findall(r"NUMBA_CACHE_DIR=(\S+)", DOCKERFILE)
    assert (built, started) == ("/opt/kernels", "/tmp/kernels")  # noqa: S108 - in a container
    (tmp_path / "opt" / "kernels").mkdir(parents=True)
    (tmp_path / "opt" / "kernels" / "linear.ready").touch()
    (tmp_path / "tmp").mkdir()
    script = re.sub(r"/(opt|tmp)/", rf"{tmp_path}/\1/", entry.replace('\\"', '"'))
    command = ["/bin/sh", "-c", script, "sidestream", "echo", "two words", "more"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "two words more\n"
    assert (tmp_path / "tmp" / "kernels" / "linear.ready").exists()


def test_no_secret_stands_in_them() -> None:
    for text in (DOCKERFILE, FILE.read_text(encoding="utf-8")):
        assert not re.search(r"password|secret|token|api_key", text, re.IGNORECASE)
