"""The pure core of sidestream: messages in, outcomes out.

    from engine import Engine, Label, Plan, Request

Names are imported when they are asked for, so that the command line's `--help` needs none of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.drift.budget import AlarmBudget, parse_budget
    from engine.engine import Engine
    from engine.errors import ConfigError, MessageError, ModelError, SidestreamError, SnapshotError
    from engine.label_policy import LabelPolicy, parse_policy
    from engine.limits import Limits
    from engine.messages import Command, Label, Outcomes, Refused, Request, Verb
    from engine.plan import DecisionRules, LabelRules, Plan
    from engine.schema import Schema
    from engine.summary import Summary
    from engine.targets import Task

_HOMES = {
    "AlarmBudget": "drift.budget",
    "Command": "messages",
    "ConfigError": "errors",
    "DecisionRules": "plan",
    "Engine": "engine",
    "Label": "messages",
    "LabelPolicy": "label_policy",
    "LabelRules": "plan",
    "Limits": "limits",
    "MessageError": "errors",
    "ModelError": "errors",
    "Outcomes": "messages",
    "Plan": "plan",
    "Refused": "messages",
    "Request": "messages",
    "Schema": "schema",
    "SidestreamError": "errors",
    "SnapshotError": "errors",
    "Summary": "summary",
    "Task": "targets",
    "Verb": "messages",
    "parse_budget": "drift.budget",
    "parse_policy": "label_policy",
}

__all__ = [
    "AlarmBudget",
    "Command",
    "ConfigError",
    "DecisionRules",
    "Engine",
    "Label",
    "LabelPolicy",
    "LabelRules",
    "Limits",
    "MessageError",
    "ModelError",
    "Outcomes",
    "Plan",
    "Refused",
    "Request",
    "Schema",
    "SidestreamError",
    "SnapshotError",
    "Summary",
    "Task",
    "Verb",
    "parse_budget",
    "parse_policy",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its home."""
    if name not in _HOMES:
        msg = f"module 'engine' has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"engine.{_HOMES[name]}"), name)
