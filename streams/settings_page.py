"""docs/settings.md, made from the settings themselves: `python -m streams.settings_page > docs/settings.md`."""

from __future__ import annotations

import sys

from streams.settings import describe_sections, describe_settings

_HEAD = """\
# Settings

Made from `streams/settings_sections.py` by `python -m streams.settings_page > docs/settings.md`; a test keeps them
equal.

One TOML file. An environment variable `SIDESTREAM_<SECTION>__<KEY>` outranks it, a flag outranks both. In a variable,
lists and tables are written as in TOML, everything else as it is; an empty variable counts as not set. Durations carry
their unit: `500ms`, `45s`, `30m`, `12h`, `7d`, `2w`. Paths are relative to the directory in which the command runs.
"""


def settings_page() -> str:
    """Return the page: a table for each section."""
    rows: dict[str, list[str]] = {}
    for line in describe_settings():
        section, key = line.key.split(".")
        cells = f"| `{key}` | {line.type} | {line.default} | {line.description} |"
        rows.setdefault(section, []).append(cells)
    parts = [_HEAD]
    for section, about in describe_sections().items():
        table = "\n".join(["| key | value | default | meaning |", "|---|---|---|---|", *rows[section]])
        parts.append(f"## [{section}]\n\n{about}\n\n{table}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(settings_page())
