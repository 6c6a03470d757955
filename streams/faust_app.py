"""A worker as a service of a Faust worker: `faust -A streams.faust_app worker -l info`.

Faust starts it, stops it, shows it on its web server and brings it commands. The data does not flow through Faust: the
worker reads, answers and commits on its own, see `streams.worker`, so nothing that is promised of it rests on Faust's
agents, tables or offsets. `SIDESTREAM_CONFIG` names the settings. The app is made when it is first asked for, and no
broker is needed for that.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import faust
from faust.auth import SASLCredentials, SSLCredentials
from mode import Service, ServiceT

from engine.errors import ConfigError, SidestreamError
from engine.kernels.loading import is_watched, watch_loading
from streams.clock import SystemClock
from streams.command_desk import CommandDesk
from streams.kernel_cache import prepare_around
from streams.log_choice import access_of, made_directory, opened_log
from streams.log_port import Log
from streams.serving import StopFlag, serve, worker_settings
from streams.settings import Settings
from streams.standby import StoppedError
from streams.worker_view import WORKING, WorkerView

CONFIG_VARIABLE = "SIDESTREAM_CONFIG"
ASKED = "asked"
"""The topic on which the agent is sent commands."""

REPLIES = "replies"
"""The topic on which it stands what became of each."""

SESSION_S = 10.0
"""How long the agent's partition stays with a Faust worker that was killed, in seconds."""

_LOG = logging.getLogger("sidestream")
_T = TypeVar("_T")

OpenedLog: TypeAlias = Callable[[Settings, Mapping[str, str]], AbstractContextManager[Log]]


def make_app(settings: Settings, environ: Mapping[str, str], opened: OpenedLog = opened_log) -> faust.App:
    """Return the Faust app of a worker with these settings; `opened` opens the log on which commands are taken.

    Raises
    ------
    ConfigError
        When they are not of a log on Kafka, or the cluster cannot be reached in this way.
    """
    _refuse(settings)
    kafka, access = settings.kafka, access_of(settings.kafka, environ)
    if access.warning() is not None:
        _LOG.warning("%s", access.warning())
    world = SystemClock()
    view = WorkerView(_LOG.info, world.seconds, world.now_ms, settings.run.status_every_s)
    desk = Desk(settings, lambda: opened(settings, environ))
    app = SidestreamApp(
        f"{kafka.prefix}{kafka.name}.faust",
        worker=WorkerService(settings, environ, view),
        desk=desk,
        broker=";".join(f"kafka://{host}" for host in str(kafka.address).split(",")),
        broker_credentials=_credentials(access.arguments()),
        datadir=str(Path(str(settings.log.dir)) / "faust"),
        store="memory://",
        topic_allow_declare=False,
        topic_disable_leader=True,
        broker_session_timeout=SESSION_S,
        web_bind="127.0.0.1",
        web_host="127.0.0.1",
    )
    asked = app.topic(kafka.prefix + ASKED, value_type=bytes, value_serializer="raw", key_serializer="raw")

    @app.agent(asked, name="command")
    async def command(records: Any) -> AsyncIterator[dict[str, Any]]:
        """Take each command onto the worker's topic; it is done with only when it stands there."""
        async for event in records.noack().events():
            reply = await _or_end(app, desk.take(event.value))
            if reply is None:
                return
            if reply["refused"] is not None:
                _LOG.warning("refused a command: %s", reply["refused"])
            yield reply
            event.ack()

    @app.page("/sidestream/")
    async def look(web: Any, _request: Any) -> Any:
        """Show the worker; anything but success where it does not work."""
        shown = view.shown
        return web.json(shown, status=200 if shown["state"] == WORKING else 503)

    return app


class SidestreamApp(faust.App):
    """The app, which starts the worker at once, and makes its agent's topics as all topics of a log are made.

    What is decorated with `app.service` waits until the agent has its partitions, and those of a Faust worker that was
    killed are free only when its session has ended: the worker waits for nothing of Faust's.
    """

    def __init__(self, name: str, *, worker: Service, desk: Desk, **settings: Any) -> None:
        super().__init__(name, **settings)
        self._worker = worker
        self._desk = desk

    def on_init_dependencies(self) -> list[ServiceT]:
        """Return what starts with the app, and stops with it in the opposite order."""
        return [*super().on_init_dependencies(), self._worker]

    async def on_first_start(self) -> None:
        """Make the topics before anybody subscribes to them."""
        if await _or_end(self, self._desk.open()) is not None:
            await super().on_first_start()

    async def on_shutdown(self) -> None:
        """Let go of the log."""
        await super().on_shutdown()
        await self._desk.close()


class WorkerService(Service):
    """The worker, in a thread of its own: from Faust's start to its stop.

    Of several Faust workers one works, and the others stand by.
    """

    def __init__(self, settings: Settings, environ: Mapping[str, str], view: WorkerView) -> None:
        super().__init__()
        self._settings = settings
        self._environ = environ
        self._view = view
        self._stop = StopFlag()
        self._thread = ThreadPoolExecutor(1, "sidestream-worker")
        self._watching: asyncio.Future[None] | None = None

    async def on_start(self) -> None:
        """Start the thread; recovery may take its time, and nobody waits for it."""
        self._watching = self.add_future(self._watch())

    async def on_stop(self) -> None:
        """Have everything that was taken committed and kept before Faust goes on with stopping."""
        self._stop.ask()
        if self._watching is not None:
            await asyncio.wait([self._watching])

    def _serve(self) -> None:
        serve(self._settings, self._environ, self._view, self._stop, standby=True)

    async def _watch(self) -> None:
        """Wait for the thread's end; how it failed is how the Faust worker ends."""
        failure: Exception | None = None
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._serve)
        except StoppedError as stopped:
            _LOG.info("%s", stopped)
        except Exception as error:  # noqa: BLE001 - whatever it was, it ends the process
            failure = error
        if failure is not None:
            self._view.failed(failure)
            await _end(self, failure)


class Desk:
    """The desk where commands are taken, on a log and in a thread of its own: the worker's is the worker's."""

    def __init__(self, settings: Settings, opened: Callable[[], AbstractContextManager[Log]]) -> None:
        self._settings = settings
        self._open_log = opened
        self._thread = ThreadPoolExecutor(1, "sidestream-desk")
        self._held = ExitStack()
        self._desk: CommandDesk | None = None

    async def open(self) -> CommandDesk:
        """Open the log, make the topics, and the directory; again does nothing."""
        return await self._run(self._opened)

    async def take(self, data: bytes) -> dict[str, Any]:
        """Take a command, see `CommandDesk.take`."""
        return await self._run(lambda: self._opened().take(data))

    async def close(self) -> None:
        """Let go of the log."""
        await self._run(self._held.close)

    async def _run(self, act: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, act)

    def _opened(self) -> CommandDesk:
        if self._desk is None:
            made_directory(self._settings)
            log = self._held.enter_context(self._open_log())
            log.create_topic(ASKED, 1)
            self._desk = CommandDesk(log, self._settings.topics.commands, REPLIES)
        return self._desk


async def _or_end(service: Service, asked: Awaitable[_T]) -> _T | None:
    """Return what was asked for; where an error of ours stands in its place, end the Faust worker."""
    try:
        return await asked
    except SidestreamError as error:
        failure = error
    await _end(service, failure)
    return None


async def _end(service: Service, failure: Exception) -> None:
    """End the Faust worker: after an error of ours with its exit code, after another with 1, and Faust says where."""
    if isinstance(failure, SidestreamError):
        _LOG.error("%s", failure)
        await service.crash(SystemExit(failure.exit_code))
    else:
        _LOG.error("the worker failed", exc_info=failure)
        await service.crash(failure)


def _refuse(settings: Settings) -> None:
    """Refuse settings that a worker could use, and this app cannot."""
    if settings.kafka.address is None:
        msg = "a Faust worker needs a log on Kafka: set [kafka] address; on a log in a directory use `sidestream run`"
        raise ConfigError(msg)
    for key, name in settings.topics:
        if name in {ASKED, REPLIES}:
            msg = f"[topics] {key} is {name!r}, which a Faust worker has for its agent; give it another name"
            raise ConfigError(msg)


def _credentials(given: Mapping[str, Any]) -> SASLCredentials | SSLCredentials | None:
    """Return how Faust proves who it is: by the arguments with which the worker does."""
    context = given.get("ssl_context")
    if "sasl_mechanism" in given:
        return SASLCredentials(
            username=given.get("sasl_plain_username"),
            password=given.get("sasl_plain_password"),
            ssl_context=context,
            mechanism=given["sasl_mechanism"],
        )
    return None if context is None else SSLCredentials(context)


def _from_environment() -> faust.App:
    """Return the app that the environment names, or leave with a sentence and an exit code."""
    try:
        path = os.environ.get(CONFIG_VARIABLE)
        if not path:
            msg = f"which settings? set {CONFIG_VARIABLE} to the path of the worker's TOML file"
            raise ConfigError(msg)
        if not is_watched():
            watch_loading(lambda name: prepare_around(name, _LOG.info))
        return make_app(worker_settings(path, os.environ), os.environ)
    except SidestreamError as error:
        sys.stderr.write(f"sidestream: {error}\n")
        sys.exit(error.exit_code)


def __getattr__(name: str) -> faust.App:
    """Make the app when it is first asked for."""
    if name != "app":
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    app = globals()["app"] = _from_environment()
    return app
