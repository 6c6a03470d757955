"""Reads a spec's text as a tree and builds what the tree says, node by node; nothing in it is run as code.

Python's own parser reads the text. What may be built is a short table of node types, and calls of names that stand on
a list; everything else is refused with the piece shown. Which names a spec has, `spec` and `river_model` say.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from io import StringIO
from math import isfinite
from typing import Any, NamedTuple, NoReturn
from zlib import crc32

from engine.drift.river_detector import RiverDetector
from engine.errors import ConfigError
from engine.models import river_model
from engine.models.estimator import adapt
from engine.models.feature_view import Need, combine
from engine.models.model import Model
from engine.targets import Task

SPEC_CHARS_MAX = 10_000
DEPTH_MAX = 8
STEPS_COUNT_MAX = 32
PIECE_CHARS_MAX = 80

_SEED_PARAMETERS = ("seed", "random_state")
_TYPES: Mapping[str, type] = {"bool": bool, "float": float, "int": int, "str": str}


class Built(NamedTuple):
    """One of our models with the view it needs, as opposed to a bare object of River's."""

    model: Model
    need: Need


class SpecBuilder:
    """Builds the value of a node, and writes the seeds it derives into the tree on the way.

    Parameters
    ----------
    own
        Names, beside River's, that a spec may call. Where it describes a model: classes that have `tasks` and `need`,
        and may take `task=`, and, without `tasks`, of the parts they are made of. Where it describes a detector:
        classes of detectors.
    task
        What models are built for; None where a spec describes a detector.
    seed
        The text all seeds are derived from, with the place in the spec.
    """

    def __init__(self, own: Mapping[str, type[Any]], *, task: Task | None, seed: str) -> None:
        self._own = own
        self._task = task
        self._seed = seed

    def build(self, node: ast.expr, path: str = "", depth: int = 1) -> Any:
        """Return the value of a node: a literal, an object of River's, or one of our models as `Built`."""
        if depth > DEPTH_MAX:
            refuse(node, f"nested more than {DEPTH_MAX} deep")
        build = self._BY_NODE.get(type(node))
        if build is None:
            refuse(node, f"{_SAID.get(type(node), type(node).__name__)} is no part of a spec")
        return build(self, node, path, depth)

    def model(self, value: object) -> Built:
        """Return a built value as one of our models, or refuse it for this task."""
        if isinstance(value, Built):
            return value
        assert self._task is not None  # noqa: S101  (only a model's builder asks for models)
        river_model.check_task(value, self._task)
        return Built(adapt(value, self._task), river_model.need(value))

    def _constant(self, node: ast.Constant, path: str, depth: int) -> object:  # noqa: ARG002
        value = node.value
        if value is not None and type(value) not in {bool, int, float, str}:
            refuse(node, f"{type(value).__name__} is no part of a spec")
        if isinstance(value, float) and not isfinite(value):
            refuse(node, "the number is too large")
        return value

    def _sign(self, node: ast.UnaryOp, path: str, depth: int) -> object:
        operand = node.operand
        if not isinstance(node.op, ast.USub | ast.UAdd) or not isinstance(operand, ast.Constant):
            refuse(node, "a sign stands before a number only")
        value = self._constant(operand, path, depth)
        if not isinstance(value, int | float) or isinstance(value, bool):
            refuse(node, "a sign stands before a number only")
        return -value if isinstance(node.op, ast.USub) else value

    def _sequence(self, node: ast.List | ast.Tuple, path: str, depth: int) -> object:
        values = [self.build(item, f"{path}/{index}", depth + 1) for index, item in enumerate(node.elts)]
        for value in values:
            _refuse_own(node, value)
        return values if isinstance(node, ast.List) else tuple(values)

    def _dict(self, node: ast.Dict, path: str, depth: int) -> object:
        result = {}
        for index, (key, value) in enumerate(zip(node.keys, node.values, strict=True)):
            if not isinstance(key, ast.Constant | ast.UnaryOp):
                refuse(key or node, "a dict's keys are plain literals")
            built = self.build(value, f"{path}/{index}", depth + 1)
            _refuse_own(node, built)
            result[self.build(key, path, depth + 1)] = built
        return result

    def _type(self, node: ast.Name, path: str, depth: int) -> type:  # noqa: ARG002
        if node.id not in _TYPES:
            refuse(node, "a bare name means nothing in a spec; text needs quotes, a class needs (...)")
        return _TYPES[node.id]

    def _join(self, node: ast.BinOp, path: str, depth: int) -> object:
        join = river_model.pipeline if isinstance(node.op, ast.BitOr) else river_model.union
        if not isinstance(node.op, ast.BitOr | ast.Add):
            refuse(node, "only '|' (then) and '+' (side by side) join the parts of a spec")
        operands = _operands(node)
        if len(operands) > STEPS_COUNT_MAX:
            refuse(node, f"more than {STEPS_COUNT_MAX} steps")
        values = [
            self.build(operand, f"{path}/{index}", depth + isinstance(operand, ast.BinOp))
            for index, operand in enumerate(operands)
        ]
        for operand, value in zip(operands, values, strict=True):
            _refuse_own(operand, value)
            if not type(value).__module__.startswith("river."):
                refuse(operand, "'|' and '+' join River's transformers and estimators")
        return join(values)

    def _call(self, node: ast.Call, path: str, depth: int) -> object:
        name = _dotted(node.func)
        own = self._own.get(name)
        found = own or _find(name, self._own, "detectors" if self._task is None else "models")
        args, named = self._arguments(node, path, depth)
        self._derive_seeds(node, found, args, named, path)
        if own is not None and self._task is None:
            return _construct(name, own, [_as_detector(arg) for arg in args], named)
        if own is not None and hasattr(own, "tasks"):
            return self._own_model(node, name, args, named)
        for value in (*args, *named.values()):
            _refuse_own(node, value)
        return _construct(name, found, args, named)

    def _own_model(self, node: ast.Call, name: str, args: list[Any], named: dict[str, Any]) -> Built:
        """Make one of our models; River's estimators among its arguments become models first."""
        found = self._own[name]
        assert self._task is not None  # noqa: S101  (only a model's builder has our own models)
        if self._task not in found.tasks:
            tasks = " or ".join(sorted(task.value for task in found.tasks))
            refuse(node, f"{name} is for {tasks} tasks, this one is {self._task.value}")
        members = [self.model(arg) if isinstance(arg, Built) or _is_river(arg) else None for arg in args]
        args = [arg if member is None else member.model for arg, member in zip(args, members, strict=True)]
        model = _construct(name, found, args, named, task=self._task)
        needs = [member.need for member in members if member is not None]
        return Built(model, combine([model.need, *needs], name))

    def _arguments(self, node: ast.Call, path: str, depth: int) -> tuple[list[Any], dict[str, Any]]:
        for argument in (*node.args, *node.keywords):
            if isinstance(argument, ast.Starred) or (isinstance(argument, ast.keyword) and argument.arg is None):
                refuse(node, "arguments are written out; * and ** are no part of a spec")
        args = [self.build(arg, f"{path}/{index}", depth + 1) for index, arg in enumerate(node.args)]
        named = {str(kw.arg): self.build(kw.value, f"{path}/{kw.arg}", depth + 1) for kw in node.keywords}
        return args, named

    def _derive_seeds(self, node: ast.Call, found: type, args: list[Any], named: dict[str, Any], path: str) -> None:
        """Give every seed that was left open a value, in the arguments and in the tree."""
        parameters = list(inspect.signature(found).parameters)
        for parameter in _SEED_PARAMETERS:
            if parameter not in parameters or named.get(parameter) is not None:
                continue
            derived = crc32(f"{self._seed}:{path}/{parameter}".encode(errors="surrogatepass")) & 0x7FFFFFFF
            index = parameters.index(parameter)
            if index < len(args):
                if args[index] is None:
                    args[index], node.args[index] = derived, ast.Constant(derived)
                continue
            named[parameter] = derived
            node.keywords = [kw for kw in node.keywords if kw.arg != parameter]
            node.keywords.append(ast.keyword(parameter, ast.Constant(derived)))

    _BY_NODE: Mapping[type[ast.expr], Callable[..., Any]] = {
        ast.BinOp: _join,
        ast.Call: _call,
        ast.Constant: _constant,
        ast.Dict: _dict,
        ast.List: _sequence,
        ast.Name: _type,
        ast.Tuple: _sequence,
        ast.UnaryOp: _sign,
    }


_SAID: Mapping[type[ast.expr], str] = {
    ast.Attribute: "a name that is not called",
    ast.Await: "await",
    ast.BoolOp: "and/or",
    ast.Compare: "a comparison",
    ast.DictComp: "a comprehension",
    ast.GeneratorExp: "a generator",
    ast.IfExp: "a condition",
    ast.JoinedStr: "an f-string",
    ast.Lambda: "a lambda",
    ast.ListComp: "a comprehension",
    ast.NamedExpr: "an assignment",
    ast.Set: "a set",
    ast.SetComp: "a comprehension",
    ast.Starred: "a starred value",
    ast.Subscript: "an index",
}


def read_expression(text: str) -> ast.expr:
    """Parse the text as one Python expression, whatever the text is."""
    if len(text) > SPEC_CHARS_MAX:
        msg = f"a spec has at most {SPEC_CHARS_MAX} characters, got {len(text)}"
        raise ConfigError(msg)
    line = text.replace("\r\n", " ").replace("\n", " ").strip()
    if not line:
        msg = "the spec is empty; name a model, such as majority()"
        raise ConfigError(msg)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\d" in a rule's pattern is no mistake here
            return ast.parse(line, mode="eval").body
    except SyntaxError as error:
        at = max(0, (error.offset or 1) - 1)
        first = max(0, at - 50)
        msg = f"this is no spec: {error.msg}\n  {line[first : at + 30]}\n  {' ' * (at - first)}^"
        raise ConfigError(msg) from None
    except (ValueError, MemoryError, RecursionError) as error:
        msg = f"this is no spec: {str(error) or 'nested too deep'}: {text[:PIECE_CHARS_MAX]!r}"
        raise ConfigError(msg) from None


def refuse(node: ast.expr, problem: str) -> NoReturn:
    """Raise the `ConfigError` that shows the offending piece."""
    try:
        piece = ast.unparse(node)
    except (RecursionError, ValueError):
        piece = "(a very deep expression)"
    msg = f"{problem}: {piece if len(piece) <= PIECE_CHARS_MAX else piece[:PIECE_CHARS_MAX] + '...'}"
    raise ConfigError(msg)


def _operands(node: ast.BinOp) -> list[ast.expr]:
    """Flatten a left-nested chain of one operator; a | b | c is three steps, not two levels."""
    found: list[ast.expr] = []
    left: ast.expr = node
    while isinstance(left, ast.BinOp) and type(left.op) is type(node.op):
        found.append(left.right)
        left = left.left
    return [left, *reversed(found)]


def _dotted(func: ast.expr) -> str:
    parts: list[str] = []
    node = func
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        refuse(func, "only a name such as river.tree.HoeffdingTreeClassifier can be called")
    return ".".join([node.id, *reversed(parts)])


def _find(name: str, own: Mapping[str, type], command: str) -> type:
    found = river_model.find_class(name) if name.startswith("river.") else None
    if found is not None:
        return found
    rivers = river_model.class_names()
    meant = _close(name, rivers) or _close(name, own) if name.startswith("river.") else _close(name, [*rivers, *own])
    hint = f"; did you mean {meant}?" if meant else f"; `sidestream {command}` lists the names"
    msg = f"unknown name {name!r}{hint}"
    raise ConfigError(msg)


def _close(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate whose last part is most like the name's; None where none is."""
    by_last = {candidate.rpartition(".")[2].lower(): candidate for candidate in candidates}
    close = difflib.get_close_matches(name.rpartition(".")[2].lower(), by_last, n=1)
    return by_last[close[0]] if close else None


def _construct(
    name: str, found: type, args: Sequence[Any], named: Mapping[str, Any], *, task: Task | None = None
) -> Any:
    """Call a class whose parameters fit; `task` goes to a class that asks for it, and never comes from the spec."""
    signature = inspect.signature(found)
    open_to_specs = [parameter for parameter in signature.parameters.values() if parameter.name != "task"]
    takes = river_model.shown_signature(found, without="task")
    try:
        given = signature.replace(parameters=open_to_specs).bind(*args, **named).arguments
    except TypeError as error:
        msg = f"{name}: {error}; it takes {takes}"
        raise ConfigError(msg) from None
    river_model.require_arguments(name, given)
    if task is not None and next(iter(signature.parameters), "") == "task":
        args = [task, *args]
    elif task is not None and "task" in signature.parameters:
        named = {**named, "task": task}
    try:
        with redirect_stdout(StringIO()) as said:
            built = found(*args, **named)
    except ConfigError:
        raise
    except Exception as error:  # noqa: BLE001  (a constructor of River's may raise anything)
        msg = f"{name} refused its parameters: {type(error).__name__}: {error}; it takes {takes}"
        raise ConfigError(msg) from None
    if said.getvalue():  # River's trees print about an option they do not know, and take another
        msg = f"{name} refused its parameters: {said.getvalue().strip()}; it takes {takes}"
        raise ConfigError(msg)
    return built


def _refuse_own(node: ast.expr, value: object) -> None:
    if isinstance(value, Built):
        refuse(node, "our own models stand alone or directly inside blend(...), not inside this")


def _as_detector(value: object) -> object:
    """Return one of River's detectors behind our protocol, and anything else as it is."""
    return RiverDetector(value) if _is_river(value) else value


def _is_river(value: object) -> bool:
    return type(value).__module__.startswith("river.")
