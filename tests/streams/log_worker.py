"""A process for the tests of the embedded log: commits, appends or leads until it is stopped, and says what it did.

Every acknowledgement is one line on standard output, written after the log returned.
"""

from __future__ import annotations

import sys

from engine.errors import SidestreamError
from streams.embedded_log import EmbeddedLog
from streams.log_file import Durability
from streams.log_port import Commit, Delivery, Entry


def effects_of(sequence: int) -> Commit:
    """Return the one commit that has this sequence: several outputs, some of many pages."""
    lines = [
        Entry(None, b"%d/%d " % (sequence, line) + b"x" * (sequence * 37 % 3_000)) for line in range(1 + sequence % 9)
    ]
    shadow = [Entry(b"%d" % sequence, b"y" * (sequence * 101 % 9_000))]
    return Commit(sequence, b"journal %d" % sequence, [Delivery("out", 0, lines), Delivery("out", 1, shadow)])


def commit_for_good(log: EmbeddedLog) -> None:
    """Lead, and commit until killed."""
    lease = log.lead()
    sequence = log.journal_end()
    say("leads")
    while True:
        lease.commit(effects_of(sequence))
        say(str(sequence))
        sequence += 1


def commit_when_told(log: EmbeddedLog) -> None:
    """Lead, and commit once for each line of standard input."""
    with log.lead() as lease:
        say("leads")
        for _ in sys.stdin:
            lease.commit(effects_of(log.journal_end()))
            say("committed")


def append_many(log: EmbeddedLog, name: str, count: int) -> None:
    """Append batches of several sizes, every entry with its own name."""
    log.create_topic("in", 1)
    number = 0
    for batch in range(count):
        entries = [Entry(name.encode(), b"%d" % (number + each)) for each in range(1 + batch % 5)]
        number += len(entries)
        log.append("in", 0, entries)
    say(str(number))


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    verb, directory, *rest = sys.argv[1:]
    try:
        with EmbeddedLog(directory, durability=Durability.PROCESS, create=True) as log:
            if verb == "append":
                append_many(log, rest[0], int(rest[1]))
                return
            log.create_topic("out", 2)
            if verb == "loop":
                commit_for_good(log)
            else:
                commit_when_told(log)
    except SidestreamError as error:
        say(f"{type(error).__name__}: {error}")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
