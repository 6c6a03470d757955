"""Takes what people ask for at another door onto the topic of commands, and says of each what became of it.

Where records are delivered at least once, the same command may come twice, and a `rollback` carried out twice is
another thing than one. So a command that stands on the topic already, to the byte, is not appended again: who asks
twice says another `at_ms`.
"""

from __future__ import annotations

from typing import Any

from engine.errors import ConfigError, MessageError
from streams.codec import to_json
from streams.commands import CommandRecord, decode, encode
from streams.log_port import Entry, Log

REMEMBERED_COUNT = 1_000
"""Offsets before the topic's end among which a command that comes again is found."""


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
    """

    def __init__(self, log: Log, topic: str, replies: str) -> None:
        self._log = log
        self._topic = topic
        self._replies = replies
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
        begin, end = self._log.begin(self._topic, 0), self._log.end(self._topic, 0)
        offset = max(begin, end - REMEMBERED_COUNT)
        while offset < end:
            records, offset = self._log.read(self._topic, 0, offset)
            for record in records:
                if record.value == line:
                    return record.offset
        return None


def _demanded(data: bytes) -> CommandRecord:
    """Return a command that says who, what and why; from the command line the reason may be left out, here not."""
    record = decode(data)
    if not record.reason.strip():
        msg = "reason says why and stays in the audit trail, got none; send one"
        raise ConfigError(msg)
    return record
