"""The command `sidestream`: finds the command asked for, and turns errors into a sentence and an exit code.

Commands are imported when they are run, so that `--help` needs none of what they need.
"""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager
from difflib import get_close_matches
from importlib import import_module
from traceback import print_exc

import click

from engine.errors import SidestreamError
from engine.kernels.loading import is_watched, watch_loading

_COMMANDS = {
    "demo": "See it work: card payments whose fraud changes its ways, in half a minute.",
    "replay": "Run a stream of labelled events through champion, challengers and baselines.",
    "run": "Answer what arrives on the topics of a log, durably, until told to stop.",
    "check": "Read a configuration and say what it would do, starting nothing.",
    "append": "Append records of a file or standard input to a topic of a log.",
    "produce": "Append made-up payments to a log, at a rate, their frauds reported late.",
    "peek": "Show records of a topic of a log.",
    "audit": "Make every commit of a log again and compare: does it hold what it promises.",
    "rebuild": "Make a past decision again, from the state as it stood.",
    "fork": "Let another model join a log's past, and compare.",
    "inspect": "Say what a state directory holds: checkpoints, counts, contenders.",
    "topics": "List the topics of a log; on Kafka, say what is wrong with them, and make those missing.",
    "lag": "Say how far the worker of a log is behind its inputs, for how long, and who leads.",
    "promote": "Ask the worker to let another contender answer.",
    "rollback": "Ask the worker to let the champion before the last change answer again.",
    "bench": "Ask the worker to take a contender out.",
    "restore": "Ask the worker to let a benched contender take part again.",
    "hold": "Ask the worker not to let evidence promote a contender.",
    "allow": "Ask the worker to let evidence promote a held contender again.",
    "power": "Say how many events, and days, an A/B test will take.",
    "offpolicy": "Estimate from the log of a replay what each contender's decisions would have cost.",
    "dead": "List and show dead letters, and send their records back.",
    "models": "List the models a spec can name.",
    "detectors": "List the drift detectors a spec can name.",
    "choose-detector": "Try the detectors on a series of losses, and recommend one.",
    "warm-up": "Compile the kernels of our compiled models, so that no later start waits for it.",
}

INTERRUPTED = 130
UNWRITABLE = 4


class Commands(click.Group):
    """The commands, imported one at a time."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names, in the order they are met."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import a command and return it."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"streams.cli.{cmd_name.replace('-', '_')}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was probably meant."""
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            close = get_close_matches(args[0], _COMMANDS, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(_COMMANDS)}"
            msg = f"no command {args[0]!r}{hint}"
            raise click.UsageError(msg, ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sidestream")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def sidestream(debug: bool) -> None:  # noqa: FBT001 - read by main, before click is
    """Answer every event online, shadow the challengers, join the late labels, score what was served."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not is_watched():  # as it is where commands are run inside a process that keeps kernels by itself
        watch_loading(_around_first_kernel)
    try:
        code = sidestream.main(arguments, prog_name="sidestream", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort:
        code = INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # Whoever read has gone, which click and rich answer with an exit of their own; it is no error here.
        _leave_unwritten()
        code = 0
    except OSError as error:
        # Sources and sinks speak for themselves (SourceError): what is left is standard output.
        if "--debug" in arguments:
            print_exc()
        click.echo(f"sidestream: standard output cannot be written ({error.strerror}); free or change it", err=True)
        _leave_unwritten()
        code = UNWRITABLE
    except SidestreamError as error:
        if "--debug" in arguments:
            print_exc()
        click.echo(f"sidestream: {error}", err=True)
        code = error.exit_code
    sys.exit(code if isinstance(code, int) else 0)


def _around_first_kernel(name: str) -> AbstractContextManager[None]:
    """Have kernels be kept, and whoever waits for one be told, from the first that a command needs."""
    from streams.kernel_cache import prepare_around

    return prepare_around(name, lambda words: click.echo(f"sidestream: {words}", err=True))


def _leave_unwritten() -> None:
    """Let go of what standard output still holds, which Python would try to write once more on its way out."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
