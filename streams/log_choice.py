"""Which log the settings mean: the embedded one in a directory, or one on Kafka; and how it is opened.

Whatever is done on a log is done alike on both: nobody but this file asks which it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import ConfigError
from streams.log_file import Durability
from streams.log_port import Log
from streams.ports import SourceError
from streams.settings import Settings
from streams.settings_kafka import KafkaSettings
from streams.standby import Standby

if TYPE_CHECKING:
    from streams.kafka_access import KafkaAccess
    from streams.worker_lock import WorkerLock

SASL_PASSWORD_VARIABLE = "SIDESTREAM_KAFKA_SASL_PASSWORD"  # noqa: S105 - where it is, not what it is
SSL_PASSWORD_VARIABLE = "SIDESTREAM_KAFKA_SSL_PASSWORD"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Claim:
    """How a worker comes to lead a log on Kafka.

    Parameters
    ----------
    lock
        Of its directory: nobody waits for the lease of the one who held it before, and died.
    is_standby
        Whether it waits by itself while another leads, in place of the log.
    """

    lock: WorkerLock
    is_standby: bool


@contextmanager
def opened_log(
    settings: Settings,
    environ: Mapping[str, str],
    *,
    create: bool = False,
    say: Callable[[str], None] = lambda _: None,
    claim: Claim | None = None,
) -> Iterator[Log]:
    """Open the log that is meant; `create` makes an embedded one that is missing, `say` is told what is to be known.

    `claim` is that of a worker, who means to lead.

    Raises
    ------
    ConfigError
        When none is meant, or it cannot be reached in this way.
    SourceError, LogError
        As the log says.
    """
    if settings.kafka.address is not None:
        from streams.kafka import KafkaLog
        from streams.kafka_options import KafkaOptions

        kafka = settings.kafka
        options = KafkaOptions(
            prefix=kafka.prefix,
            replication=kafka.replication,
            timeout_s=kafka.timeout_s,
            transaction_timeout_ms=1_000 * kafka.transaction_timeout_s,
            lease_wait_s=0.0 if claim is not None and claim.is_standby else kafka.lease_wait_s,
            snapshots=kafka.snapshots,
            incarnation="" if claim is None else claim.lock.incarnation,
            before=None if claim is None else claim.lock.before,
        )
        with KafkaLog(kafka.name, access_of(kafka, environ), options, say) as log:
            yield log
    elif settings.log.dir is not None:
        from streams.embedded_log import EmbeddedLog

        durability = Durability(settings.log.durability)
        with EmbeddedLog(settings.log.dir, durability=durability, create=create) as log:
            yield log
    else:
        msg = "which log is meant? name it: --log DIR, --kafka ADDRESS, or --config F with [log] dir or [kafka] address"
        raise ConfigError(msg)


@contextmanager
def opened_for_worker(
    settings: Settings, environ: Mapping[str, str], say: Callable[[str], None], standby: Standby | None
) -> Iterator[Log]:
    """Open the log that is meant, for a worker: a log on Kafka keeps `[log] dir` to itself, as an embedded one does.

    A standby waits for both by itself, so that it hears when to stop.
    """
    if settings.kafka.address is None:
        with opened_log(settings, environ, create=True) as log:
            yield log
        return
    from streams.worker_lock import WorkerLock

    directory = made_directory(settings)
    lock = WorkerLock(directory) if standby is None else standby.wait_for(partial(WorkerLock, directory))
    try:
        with opened_log(settings, environ, say=say, claim=Claim(lock, is_standby=standby is not None)) as log:
            yield log
    finally:
        lock.release()


def made_directory(settings: Settings) -> Path:
    """Return the directory where a worker keeps what is not on its log, made for its owner alone where it is missing.

    Raises
    ------
    SourceError
        When it cannot be made.
    """
    directory = Path(str(settings.log.dir))
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as failed:
        msg = f"[log] dir {str(directory)!r} cannot be made ({failed.strerror}); checkpoints need it"
        raise SourceError(msg) from None
    return directory


def access_of(kafka: KafkaSettings, environ: Mapping[str, str]) -> KafkaAccess:
    """Return the way to the cluster, with the secrets that the settings do not hold.

    Raises
    ------
    ConfigError
        When the client for it is missing, or a secret cannot be read.
    """
    try:
        from streams.kafka_access import KafkaAccess
    except ImportError:
        msg = "Kafka needs its client: pip install 'sidestream[kafka]'"
        raise ConfigError(msg) from None
    client: dict[str, str | None] = {"security_protocol": kafka.security_protocol}
    if kafka.security_protocol.startswith("SASL"):
        client["sasl_mechanism"] = kafka.sasl_mechanism
        client["sasl_plain_username"] = kafka.sasl_plain_username
        client["sasl_plain_password"] = _sasl_password(kafka.sasl_plain_password_file, environ)
    ssl = {
        "cafile": kafka.ssl_cafile,
        "certfile": kafka.ssl_certfile,
        "keyfile": kafka.ssl_keyfile,
        "password": environ.get(SSL_PASSWORD_VARIABLE),
    }
    return KafkaAccess(address=str(kafka.address), client=_given(client), ssl=_given(ssl))


def _sasl_password(path: str | None, environ: Mapping[str, str]) -> str | None:
    if path is None:
        return environ.get(SASL_PASSWORD_VARIABLE)
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as failed:
        why = failed.strerror if isinstance(failed, OSError) else "no text"
        msg = f"[kafka] sasl_plain_password_file {path!r} cannot be read: {why}"
        raise ConfigError(msg) from None


def _given(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}
