"""Settings before they are typed: file, environment and flags laid over each other, each value with where it came from.

What a setting means is not known here, only how it was written down and how to say that it will not do.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from engine.errors import ConfigError
from engine.values import show_value

_PREFIX = "SIDESTREAM_"
_BETWEEN = "__"


@dataclass(slots=True)
class Given:
    """The values given for one section: by key, with where each was given, and where the section was first."""

    values: dict[str, object]
    origins: dict[str, str]
    where: str

    def for_fields(self, texts: frozenset[str]) -> dict[str, object]:
        """Return the values, those from the environment read as TOML unless their key, one of `texts`, takes text."""
        return {
            key: _from_environment(value, takes_text=key in texts) if isinstance(value, _Variable) else value
            for key, value in self.values.items()
        }


class _Variable(str):
    """The text of an environment variable, whose type is not known yet."""

    __slots__ = ()


def merge(
    path: Path | None,
    flags: Mapping[str, Mapping[str, object]],
    environ: Mapping[str, str],
    flag_names: Mapping[str, str],
) -> tuple[dict[str, Given], list[str]]:
    """Return what was given by section, the strongest layer winning key by key, and what could not be read."""
    problems: list[str] = []
    given: dict[str, Given] = {}
    for section, table in ({} if path is None else _read_file(path)).items():
        if isinstance(table, dict):
            for key, value in table.items():
                _put(given, section, key, value, str(path))
            given.setdefault(section, Given({}, {}, str(path)))
        else:
            problems.append(f"{path}: [{section}] must be a table, got {section} = {show_value(table)}")
    for name in sorted(environ):
        section, between, key = name.removeprefix(_PREFIX).lower().partition(_BETWEEN)
        if name.startswith(_PREFIX) and between and environ[name]:
            _put(given, section, key, _Variable(environ[name]), f"environment variable {name}")
    for section, keys in flags.items():
        for key, value in keys.items():
            if value is not None and value not in ([], ()):
                flag = flag_names.get(f"{section}.{key}", f"--{key.replace('_', '-')}")
                _put(given, section, key, value, f"flag {flag}")
    return given, problems


def _put(given: dict[str, Given], section: str, key: str, value: object, where: str) -> None:
    into = given.setdefault(section, Given({}, {}, where))
    into.values[key] = value
    into.origins[key] = where


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        msg = f"there is no settings file {str(path)!r}"
    except OSError as failed:
        msg = f"cannot read settings file {str(path)!r}: {failed.strerror}"
    except UnicodeDecodeError as failed:
        msg = f"{path}: settings are UTF-8 text, got byte 0x{failed.object[failed.start]:02x} at {failed.start}"
    except tomllib.TOMLDecodeError as failed:
        msg = f"{path}: not TOML: {failed}"
    except RecursionError:
        msg = f"{path}: not TOML: nested too deep"
    raise ConfigError(msg) from None


def _from_environment(text: str, *, takes_text: bool) -> object:
    if takes_text and text[0] not in "[{":
        return str(text)
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return str(text)


def sentence(error: Mapping[str, Any], section: str, given: Given, expected: Mapping[str, str]) -> str:
    """Return one of pydantic's findings in our words: where, which setting, what was expected, what was got."""
    key, *within = (str(part) for part in error["loc"])
    where = given.origins.get(key, given.where)
    if error["type"] == "extra_forbidden":
        return unknown_name(where, "key", key, expected, inside=section)
    if error["type"] == "value_error":
        return f"{where}: [{section}] {key}: {error['ctx']['error']}"
    value = given.values[key]
    of = f" for {within[0]!r}" if within and isinstance(value, Mapping) and within[0] in value else ""
    return f"{where}: [{section}] {key} must be {expected[key]}, got {show_value(error['input'])}{of}"


def unknown_name(where: str, what: str, name: str, known: Iterable[str], *, inside: str | None = None) -> str:
    """Return the sentence for a name that means nothing, with the nearest that does."""
    names = list(known)
    near = get_close_matches(name, names, n=1)
    place = f" in [{inside}]" if inside else ""
    remedy = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
    return f"{where}: unknown {what} {name!r}{place}; {remedy}"


def refuse_all(problems: list[str]) -> NoReturn:
    """Raise `ConfigError` with every problem, one line each."""
    if len(problems) == 1:
        raise ConfigError(problems[0])
    raise ConfigError("\n".join([f"{len(problems)} settings cannot be used:", *(f"- {each}" for each in problems)]))
