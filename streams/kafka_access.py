"""How a Kafka cluster is reached: its addresses, and what makes the way there safe.

Everything is passed on to the client by the name it has there. Secrets come from the environment or from files.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.helpers import create_ssl_context

from engine.errors import ConfigError
from streams.ports import SourceError

CLIENT_OPTIONS = ("security_protocol", "sasl_mechanism", "sasl_plain_username", "sasl_plain_password")
SSL_OPTIONS = ("cafile", "certfile", "keyfile", "password")


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaAccess:
    """Where the brokers are, and how they are spoken to.

    Parameters
    ----------
    address
        Hosts with ports, separated by commas.
    client
        Options of the client by name: those of `CLIENT_OPTIONS`.
    ssl
        Files and the password of a TLS connection: those of `SSL_OPTIONS`.
    client_id
        What brokers call this process; whoever is refused the lease is told it.
    """

    address: str
    client: Mapping[str, str] = field(default_factory=dict)
    ssl: Mapping[str, str] = field(default_factory=dict)
    client_id: str = "sidestream"

    def arguments(self) -> dict[str, Any]:
        """Return the arguments that every kind of client takes."""
        given: dict[str, Any] = {
            "bootstrap_servers": self.address.split(","),
            "client_id": self.client_id,
            **self.client,
        }
        if "SSL" in self.client.get("security_protocol", "PLAINTEXT"):
            try:
                given["ssl_context"] = create_ssl_context(**dict(self.ssl))
            except OSError as failed:
                files = ", ".join(f"{name} {value!r}" for name, value in self.ssl.items() if name != "password")
                msg = f"the TLS files of Kafka cannot be used ({files or 'none given'}): {failed.strerror or failed}"
                raise ConfigError(msg) from None
        return given

    async def connect(self, request_timeout_ms: int) -> AIOKafkaClient:
        """Return a client that knows the cluster.

        Raises
        ------
        SourceError
            When no broker answers.
        """
        try:
            client = AIOKafkaClient(**self.arguments(), request_timeout_ms=request_timeout_ms)
        except ValueError as wrong:
            msg = f"Kafka cannot be reached in this way: {wrong}; look at [kafka]"
            raise ConfigError(msg) from None
        last_word = _LastWord()
        log = logging.getLogger("aiokafka")
        log.addHandler(last_word)
        try:
            await client.bootstrap()
        except KafkaError as failed:
            await client.close()
            msg = (
                f"no Kafka broker answers at {self.address}; is one running there, and are the [kafka] settings right? "
                f"the last word: {' '.join(last_word.said.split())}"
            )
            raise SourceError(msg) from failed
        finally:
            log.removeHandler(last_word)
        return client

    def warning(self) -> str | None:
        """Return a sentence where whoever listens on the way reads everything."""
        if self.client.get("security_protocol", "PLAINTEXT") in {"SSL", "SASL_SSL"}:
            return None
        far = [host for host in self.address.split(",") if not _is_near(host.rpartition(":")[0] or host)]
        if not far:
            return None
        return (
            f"events travel to {', '.join(far)} unencrypted, for whoever listens to read; set [kafka] "
            "security_protocol to SSL or SASL_SSL"
        )


class _LastWord(logging.Handler):
    """Keeps what the client says last: why it has no connection, it tells nobody else."""

    said = "none"

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.said = record.getMessage()


def _is_near(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
