"""A real Kafka broker for tests: the one at an address that is given, or one that is started here from its jars.

In order: `SIDESTREAM_KAFKA` names the address of a broker that runs; `SIDESTREAM_KAFKA_LIBS` names a folder of jars;
else Maven fills a cache with them, once. Whoever has none of these has the tests skipped, with the reason; where
`SIDESTREAM_KAFKA_REQUIRED` is set that is a failure.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest

VERSION = "3.9.1"
POM = Path(__file__).parent / "kafka" / "pom.xml"
ADDRESS_VARIABLE = "SIDESTREAM_KAFKA"
LIBS_VARIABLE = "SIDESTREAM_KAFKA_LIBS"
REQUIRED_VARIABLE = "SIDESTREAM_KAFKA_REQUIRED"

CLUSTER = "c2lkZXN0cmVhbS10ZXN0cw"
"""A cluster's id is 16 bytes in base64."""

START_SECONDS_MAX = 150.0
STOP_SECONDS_MAX = 30.0

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,SECURE:SASL_SSL",
    "auto.create.topics.enable": "false",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "num.network.threads": "2",
    "num.io.threads": "2",
    "background.threads": "2",
    "log.cleaner.backoff.ms": "500",
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "4000",
    "log.cleaner.dedupe.buffer.size": "4194304",
    "log.segment.bytes": "67108864",
    "log.index.size.max.bytes": "1048576",
    "message.max.bytes": "10485760",
    "replica.fetch.max.bytes": "10485760",
}
"""One node that is broker and controller; a single copy of everything; few threads and small buffers; who was killed is
let in again soon."""

LOGGING = """\
log4j.rootLogger=INFO, file
log4j.appender.file=org.apache.log4j.FileAppender
log4j.appender.file.File=%s
log4j.appender.file.layout=org.apache.log4j.PatternLayout
log4j.appender.file.layout.ConversionPattern=%%d %%p %%m (%%c)%%n
"""


class MissingBrokerError(Exception):
    """There is no broker, and nothing to start one from."""


def jars() -> Path:
    """Return a folder with the jars of a broker."""
    given = os.environ.get(LIBS_VARIABLE)
    if given is not None:
        if not list(Path(given).glob("kafka_*.jar")):
            msg = f"{LIBS_VARIABLE} is {given!r}, which holds no kafka_*.jar"
            raise MissingBrokerError(msg)
        return Path(given)
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sidestream"
    folder = home / f"kafka-{VERSION}"
    if folder.is_dir():
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        msg = f"neither {ADDRESS_VARIABLE} nor {LIBS_VARIABLE} is set, and there is no mvn to fetch the jars"
        raise MissingBrokerError(msg)
    home.mkdir(parents=True, exist_ok=True)
    with (home / "kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _fetch(maven, folder)
    return folder


def _fetch(maven: str, folder: Path) -> None:
    """Have Maven copy the jars into a folder, which is there only when all of them are."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as fresh:
        command = [maven, "-B", "-q", "-f", str(POM), f"-Dkafka.version={VERSION}", "dependency:copy-dependencies"]
        command += ["-DincludeScope=runtime", f"-DoutputDirectory={fresh}/jars"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=fresh)
        if done.returncode:
            msg = f"mvn could not fetch Kafka {VERSION}: {(done.stdout + done.stderr)[-1_000:]}"
            raise MissingBrokerError(msg)
        (Path(fresh) / "jars").rename(folder)


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback device that nobody has now."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Broker:
    """One broker of our own in a directory, which outlives its process.

    Parameters
    ----------
    secure
        Settings of a second listener, which speaks TLS and asks who is there; None for no such.
    settings
        What is otherwise than in `SETTINGS`.

    Attributes
    ----------
    address, secure_address
        Host and port; the same after each start.
    proxied_address, behind_address
        Where clients are told to come that ask at the second of the two, and where nobody listens: a test puts its
        proxy there.
    """

    def __init__(
        self,
        directory: Path,
        libs: Path,
        *,
        secure: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        java = shutil.which("java")
        if java is None:
            msg = "there is no java to run a broker with; Kafka needs 17 or later"
            raise MissingBrokerError(msg)
        addresses = [f"127.0.0.1:{port}" for port in free_ports(5)]
        self.address, controller_address, self.secure_address, self.proxied_address, self.behind_address = addresses
        secured = "" if secure is None else f",SECURE://{self.secure_address}"
        places = {
            "log.dirs": str(directory / "data"),
            "controller.quorum.voters": f"1@{controller_address}",
            "listeners": f"PLAINTEXT://{self.address},PROXIED://{self.behind_address},"
            f"CONTROLLER://{controller_address}{secured}",
            "advertised.listeners": f"PLAINTEXT://{self.address},PROXIED://{self.proxied_address}{secured}",
            **{f"listener.name.secure.{name}": value for name, value in (secure or {}).items()},
        }
        lines = [f"{name}={value}" for name, value in {**SETTINGS, **places, **(settings or {})}.items()]
        self._settings = directory / "server.properties"
        self._settings.write_text("\n".join(lines), encoding="utf-8")
        logging = directory / "log4j.properties"
        logging.write_text(LOGGING % (directory / "server.log"), encoding="utf-8")
        options = ["-XX:+UseSerialGC", "-Xshare:auto", f"-Dlog4j.configuration=file:{logging}"]
        self._java = [java, "-Xms128m", "-Xmx384m", *options, "-cp", f"{libs}/*"]
        formatting = [*self._java, "kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", str(self._settings)]
        subprocess.run(formatting, check=True, capture_output=True)

    def start(self) -> None:
        """Start the process, and wait until it answers."""
        with (self.directory / "stdout.txt").open("ab") as out:
            command = [*self._java, "kafka.Kafka", str(self._settings)]
            self._process = subprocess.Popen(command, stdout=out, stderr=out)
        end = time.monotonic() + START_SECONDS_MAX
        while not asyncio.run(answers(self.address)):
            if self._process.poll() is not None or time.monotonic() > end:
                self.kill()
                log = (self.directory / "server.log").read_text(encoding="utf-8")[-2_000:]
                msg = f"the broker did not start: {log}"
                raise RuntimeError(msg)
            time.sleep(0.2)

    def stop(self) -> None:
        """End the process in good order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the process at once."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Have the process do nothing until `resume`."""
        self._signal(signal.SIGSTOP)
        if self._process is not None:
            os.waitpid(self._process.pid, os.WUNTRACED)

    def resume(self) -> None:
        """Have it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(STOP_SECONDS_MAX)
            self._process = None


async def answers(address: str) -> bool:
    """Say whether a broker at that address names itself among the cluster's."""
    from aiokafka.client import AIOKafkaClient
    from aiokafka.errors import KafkaError

    client = AIOKafkaClient(bootstrap_servers=address, request_timeout_ms=2_000)
    try:
        await client.bootstrap()
        return bool(client.cluster.brokers())
    except KafkaError:
        return False
    finally:
        with suppress(KafkaError):
            await client.close()


def skip_or_fail(reason: str) -> None:
    """Leave the test out, unless a broker is required."""
    if os.environ.get(REQUIRED_VARIABLE):
        pytest.fail(f"{REQUIRED_VARIABLE} is set, and there is no broker: {reason}")
    pytest.skip(f"no Kafka broker: {reason}")
