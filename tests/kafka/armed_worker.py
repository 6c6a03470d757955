"""A worker that stops itself at a named point, as if the system had stopped it there, and goes on when it is let.

`python -m tests.kafka.armed_worker POINT HIT run --config F` is `sidestream run --config F` until the HIT-th hit.
"""

from __future__ import annotations

import signal
import sys
from collections import Counter

from streams.cli.app import main as command_line
from tests.streams.failpoints import points_of, watch


def main() -> None:
    point, hit, *words = sys.argv[1:]
    watch(points_of(on_kafka=True), point, Counter(), int(hit), signal.SIGSTOP)
    command_line(words)


if __name__ == "__main__":
    main()
