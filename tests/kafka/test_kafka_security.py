"""A broker that speaks TLS and asks for a password: settings reach it, and whoever is wrong is told so."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import ConfigError
from streams.log_choice import SASL_PASSWORD_VARIABLE, opened_log
from streams.log_port import Entry
from streams.ports import SourceError
from streams.settings import load_settings
from tests.broker import Broker, MissingBrokerError, jars, skip_or_fail
from tests.faust_places import FaustPlace

USERS = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_me="secret";'


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Give a certificate of this machine's loopback address, which signs itself, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    directory = tmp_path_factory.mktemp("certificate")
    found = directory / "broker.pem", directory / "broker.key"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=broker"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-out", str(found[0]), "-keyout", str(found[1])]
    subprocess.run(command, check=True, capture_output=True)
    return found


@pytest.fixture(scope="module")
def secure_address(certificate: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    chain, key = (path.read_text().replace("\n", "\\n") for path in certificate)
    secure = {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": chain,
        "ssl.keystore.key": key,
        "sasl.enabled.mechanisms": "PLAIN",
        "plain.sasl.jaas.config": USERS,
    }
    try:
        broker = Broker(tmp_path_factory.mktemp("broker"), jars(), secure=secure)
    except MissingBrokerError as missing:
        skip_or_fail(str(missing))
        raise
    broker.start()
    yield broker.secure_address
    broker.kill()


def test_a_log_behind_tls_and_a_password_works(secure_address: str, certificate: tuple[Path, Path]) -> None:
    section = {
        "address": secure_address,
        "security_protocol": "SASL_SSL",
        "sasl_plain_username": "me",
        "ssl_cafile": certificate[0],
    }
    settings = load_settings(None, {"kafka": section}, {})
    with opened_log(settings, {SASL_PASSWORD_VARIABLE: "secret"}) as log:
        log.create_topic("in", 1)
        log.append("in", 0, [Entry(None, b"a")])
        with log.lead() as lease:
            assert lease.term == 1
        assert [record.value for record in log.read("in", 0, 0).records] == [b"a"]
    for password, extra, said in (
        ("wrongly", {}, "Invalid username or password"),
        ("secret", {"ssl_cafile": None}, "CERTIFICATE_VERIFY_FAILED"),
    ):
        wrong = load_settings(None, {"kafka": {**section, **extra}}, {})
        with pytest.raises(SourceError, match=said) as error, opened_log(wrong, {SASL_PASSWORD_VARIABLE: password}):
            pass
        assert password not in str(error.value)
        assert "\n" not in str(error.value)
    with pytest.raises(ConfigError, match="sasl_plain_username and sasl_plain_password"), opened_log(settings, {}):
        pass
    missing = load_settings(None, {"kafka": {**section, "ssl_cafile": "no.pem"}}, {})
    with pytest.raises(ConfigError, match=r"cafile 'no\.pem'"), opened_log(missing, {SASL_PASSWORD_VARIABLE: "secret"}):
        pass


def test_a_faust_worker_behind_tls_and_a_password_works_and_is_brought_commands(
    secure_address: str,
    certificate: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("faust", reason="its extra is missing: pip install 'sidestream[faust]'")
    monkeypatch.setenv(SASL_PASSWORD_VARIABLE, "secret")
    way = {"security_protocol": "SASL_SSL", "sasl_plain_username": "me", "ssl_cafile": str(certificate[0])}
    place = FaustPlace(tmp_path, secure_address, capsys, **way)
    place.arrive(0, 10)
    command = {"verb": "promote", "contender": "bayes", "by": "ann@desk", "at_ms": 1, "reason": "a test"}
    place.append("asked", [command])
    with place.worker() as worker:
        worker.wait_until_shown(position=20, champion="bayes")
        assert worker.end(signal.SIGTERM) == 0, worker.said()
        assert "secret" not in worker.said()
