"""Takes what people ask for at another door onto the topic of commands, and says of each what became of it.

Where records are delivered at least once, the same command may come twice, and a `rollback` carried out twice is
another thing than one. So a command that stands on the topic already, to the byte, is not appended again: who asks
twice says another `at_ms`.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from engine.errors import ConfigError, MessageError
from streams.codec import to_json
from streams.commands import CommandRecord, decode, encode
from streams.log_port import Entry, Log

REMEMBERED_COUNT_MAX = 100_000
"""The newest commands on the topic, among which one that comes again is found."""


class CommandDesk:
    """Takes commands, in order.

    Parameters
    ----------
    log
        Holds the topic.
    topic
        Where a worker reads its commands.
    replies
        Where it is written what became of each. Both are made where they are missing.
    remembered_count_max
        How many commands are remembered.

    Notes
    -----
    The first command is taken once the whole topic has been read: whoever delivers them may begin anew after weeks.
    """

    def __init__(self, log: Log, topic: str, replies: str, remembered_count_max: int = REMEMBERED_COUNT_MAX) -> None:
        self._log = log
        self._topic = topic
        self._replies = replies
        self._remembered_count_max = remembered_count_max
        self._offsets: dict[bytes, int] = {}
        self._read_to = 0
        log.create_topic(topic, 1)
        log.create_topic(replies, 1)

    def take(self, data: bytes) -> dict[str, Any]:
        """Append a command, unless it is refused or there already; write down and return the reply, as plain data.

        `command` is its offset on the topic, by which the audit trail names it.

        Raises
        ------
        SourceError, LogError
            As the log says. It may have been appended: take it again.
        """
        reply = self._judge(data)
        self._log.append(self._replies, 0, [Entry(None, to_json(reply).encode())])
        return reply

    def _judge(self, data: bytes) -> dict[str, Any]:
        try:
            record = _demanded(data)
        except (MessageError, ConfigError) as error:
            return {"command": None, "repeated": False, "refused": str(error)}
        line = encode(record)
        there = self._find(line)
        if there is not None:
            return {"command": there, "repeated": True, "refused": None}
        offset = self._log.append(self._topic, 0, [Entry(None, line)]) - 1
        return {"command": offset, "repeated": False, "refused": None}

    def _find(self, line: bytes) -> int | None:
        """Return where a command stands already; None where it does not."""
        self._read_to = max(self._read_to, self._log.begin(self._topic, 0))
        end = self._log.end(self._topic, 0)
        while self._read_to < end:
            records, self._read_to = self._log.read(self._topic, 0, self._read_to)
            for record in records:
                self._offsets.setdefault(sha256(record.value).digest(), record.offset)
        while len(self._offsets) > self._remembered_count_max:
            del self._offsets[next(iter(self._offsets))]
        return self._offsets.get(sha256(line).digest())


def _demanded(data: bytes) -> CommandRecord:
    """Return a command that says who, what and why; from the command line the reason may be left out, here not."""
    record = decode(data)
    if not record.reason.strip():
        msg = "reason says why and stays in the audit trail, got none; send one"
        raise ConfigError(msg)
    return record
