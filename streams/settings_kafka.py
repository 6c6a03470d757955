"""The settings of a log on Kafka: where its brokers are, how they are reached, and how the log stands there.

Like the other sections, it knows its own keys and nothing of the others. What the client has a name for has that name
here. Secrets are none of these: settings are written into the journal.
"""

from __future__ import annotations

from typing import Literal

from streams.settings_fields import PathText, Section, Word, setting


class KafkaSettings(Section):
    """The Kafka cluster that holds the log in place of `[log] dir`, which then holds checkpoints and the audit trail.

    SASL's password is in the environment variable SIDESTREAM_KAFKA_SASL_PASSWORD or in a file, that of a TLS key is in
    SIDESTREAM_KAFKA_SSL_PASSWORD.
    """

    address: Word = setting(
        None, "hosts with ports, separated by commas", "Brokers of the cluster; by default the log is the embedded one."
    )
    name: str = setting(
        "sidestream", "a name", "Whose journal and lease it is: of the workers of one name one works.", min_length=1
    )
    prefix: str = setting("", "text", "What the names of all topics begin with on the cluster.")
    replication: int | None = setting(
        None,
        "a whole number of at least 1",
        "Copies of a topic that is made here; by default three, or as many as there are brokers.",
        ge=1,
    )
    timeout_s: int = setting(30, "a whole number of at least 1", "Seconds that anything asked may take.", ge=1)
    transaction_timeout_s: int = setting(
        30, "a whole number of at least 1", "Seconds of silence after which brokers abort a transaction.", ge=1
    )
    lease_wait_s: int = setting(
        8,
        "a whole number of at least 0",
        "Seconds that a worker waits for another's lease; one that was killed keeps it for 6.",
        ge=0,
    )
    snapshots: bool = setting(
        default=True,
        expected="true or false",
        description="Whether a copy of each checkpoint is kept in a topic, for a machine that has none.",
    )
    cloud_events: bool = setting(
        default=True,
        expected="true or false",
        description="Whether outputs have headers: CloudEvents in binary mode, and the trace of the request.",
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = setting(
        "PLAINTEXT", "'PLAINTEXT', 'SSL', 'SASL_PLAINTEXT' or 'SASL_SSL'", "How brokers are spoken to."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = setting(
        "PLAIN", "'PLAIN', 'SCRAM-SHA-256' or 'SCRAM-SHA-512'", "How SASL proves who asks."
    )
    sasl_plain_username: Word = setting(None, "a name", "Who asks, by PLAIN or SCRAM.")
    sasl_plain_password_file: PathText = setting(None, "a path", "The file that holds the password.")
    ssl_cafile: PathText = setting(None, "a path", "Certificates that sign the brokers'; by default the system's.")
    ssl_certfile: PathText = setting(None, "a path", "The certificate of this client.")
    ssl_keyfile: PathText = setting(None, "a path", "The key of that certificate.")
