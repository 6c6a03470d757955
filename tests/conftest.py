"""What holds for every test: hypothesis keeps no wall clock, so a busy machine fails nothing.

On a developer's machine each run tries new examples; a run of continuous integration (`CI` set) tries the same ones
every time, so that what fails there fails here. Kernels are compiled by the first process that needs them, and kept.
A Kafka broker starts with the first test that asks for it, one for each process of the tests.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec

import pytest
from hypothesis import settings

from streams import kernel_cache
from tests.broker import ADDRESS_VARIABLE, Broker, MissingBrokerError, jars, skip_or_fail

settings.register_profile("sidestream", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "sidestream")

kernel_cache.prepare(lambda words: None)


@pytest.fixture(scope="session")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Give a broker that a test may stop and kill, and starts again."""
    try:
        if find_spec("aiokafka") is None:
            skip_or_fail("its client is missing: pip install 'sidestream[kafka]'")
        broker = Broker(tmp_path_factory.mktemp("broker"), jars())
    except MissingBrokerError as missing:
        skip_or_fail(str(missing))
        raise
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> str:
    """Give the address of a broker."""
    given = os.environ.get(ADDRESS_VARIABLE)
    if given is not None:
        return given
    broker: Broker = request.getfixturevalue("own_broker")
    return broker.address
