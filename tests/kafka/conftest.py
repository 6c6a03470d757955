"""A broker for all tests of a process: it starts with the first that asks."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.broker import ADDRESS_VARIABLE, Broker, MissingBrokerError, jars, skip_or_fail


@pytest.fixture(scope="session")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Give a broker that a test may stop and kill, and starts again."""
    try:
        pytest.importorskip("aiokafka", reason="no Kafka client: pip install 'sidestream[kafka]'")
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
