"""Who is to blame: the operator, the sender, the model or the snapshot.

Every error sidestream raises on purpose descends from `SidestreamError`. The class says who can mend it, `exit_code`
is what the command line leaves with. What happens *in* a stream — a late label, a benched challenger — is an outcome,
never an error. This file knows nothing of the rest of the engine.
"""

from __future__ import annotations


class SidestreamError(Exception):
    """The root: a sentence that says what happened, what was got, and the remedy."""

    exit_code = 2


class ConfigError(SidestreamError):
    """The operator asked for something that cannot be: raised before anything starts."""

    exit_code = 2


class MessageError(SidestreamError):
    """The sender's input cannot be used: it becomes one dead letter, and the stream goes on.

    Parameters
    ----------
    reason
        A stable slug: the dead letter's field, the metric's label and the anchor in docs/dead-letters.md.
    detail
        The sentence for a person: what was got and what was expected.
    stage
        Where it was found: `"read"`, `"decode"`, `"schema"` or `"label"`.
    """

    exit_code = 1

    def __init__(self, reason: str, detail: str, *, stage: str = "schema") -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.stage = stage


class ModelError(SidestreamError):
    """A model raised, or answered with something that is no answer: its contender is benched."""

    exit_code = 1


class SnapshotError(SidestreamError):
    """A snapshot is damaged, of another version, or holds what may not be restored: refused."""

    exit_code = 3
