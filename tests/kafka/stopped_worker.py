"""A worker for the test that stops it: it commits once, waits for a line, tries again, and says what it was told."""

from __future__ import annotations

import sys

from streams.kafka import KafkaLog, KafkaOptions
from streams.kafka_access import KafkaAccess
from streams.log_port import Commit, Delivery, Entry, LeaseError


def main() -> None:
    address, prefix = sys.argv[1:]
    with KafkaLog("log", KafkaAccess(address=address), KafkaOptions(prefix=prefix)) as log, log.lead() as lease:
        lease.commit(Commit(0, b"zombie", [Delivery("out", 0, [Entry(None, b"zombie")])]))
        sys.stdout.write("committed 0\n")
        sys.stdout.flush()
        sys.stdin.readline()
        try:
            lease.commit(Commit(1, b"late", [Delivery("out", 0, [Entry(None, b"late")])]))
        except LeaseError as error:
            sys.stdout.write(f"LeaseError: {error}\n")


if __name__ == "__main__":
    main()
