"""A process for the tests of the Faust app: `faust_agent.py DIR` sends lines of standard input to the agent.

It prints each reply, and what stands on the topic of commands then. A process of its own, since Faust leaves event
loops behind that nobody closes.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from streams.faust_app import make_app
from streams.log_port import Log
from streams.memory_log import MemoryLog
from streams.settings import Settings
from tests.workers import settings_of


async def replies(log: MemoryLog, directory: str, records: list[bytes]) -> list[dict[str, Any]]:
    """Return what the agent replies to each record."""

    def opened(_settings: Settings, _environ: Mapping[str, str]) -> nullcontext[Log]:
        return nullcontext(log)

    settings = settings_of(log={"dir": directory}, kafka={"address": "127.0.0.1:9"})
    app = make_app(settings, {}, opened)
    (agent,) = (agent for name, agent in app.agents.items() if name.endswith("command"))
    async with agent.test_context() as asked:
        for record in records:
            await asked.put(record)
        return list(asked.results.values())


if __name__ == "__main__":
    LOG = MemoryLog()
    FOUND = asyncio.run(replies(LOG, sys.argv[1], sys.stdin.buffer.read().splitlines()))
    COMMANDS = [json.loads(record.value) for record in LOG.read("commands", 0, 0).records]
    sys.stdout.write(json.dumps({"replies": FOUND, "commands": COMMANDS}))
