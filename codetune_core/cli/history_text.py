"""Executions and their figures for people."""

import datetime as dt
import json
import shutil
import sys
from collections.abc import Iterable, Mapping
from itertools import accumulate

from rich.cells import cell_len

from codetune_core.cli.formats.visible import visible
from codetune_core.domain.execution import Execution
from codetune_core.history.export import record
from codetune_core.history.protocol import Group

_LIST = ("id", "prompt", "result", "when (UTC)", "time", "USD", "model", "task")
"""The most important first: on a narrow terminal the last ones are left out."""
_GAP = 2
_HEADS = ("", "runs", "success", "cached", "time", "tokens", "USD", "rating", "accepted")


def width() -> int:
    """Return how many cells a line has: what the terminal has, and no limit where none shows it."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize


def listed(executions: Iterable[Execution], names: Mapping[str, str], cells: int) -> str:
    """Return executions as a table, a line for each, with as many columns as fit."""
    return _table((_LIST, *(_listed(execution, names) for execution in executions)), cells, right=("time", "USD"))


def _listed(execution: Execution, names: Mapping[str, str]) -> tuple[str, ...]:
    return (
        str(execution.id),
        names.get(str(execution.prompt_id), "-"),
        _result(execution),
        f"{execution.executed_at.astimezone(dt.UTC):%Y-%m-%d %H:%M}",
        "-" if execution.execution_time_ms is None else f"{execution.execution_time_ms / 1000:.1f} s",
        "-" if execution.estimated_cost_usd is None else f"{execution.estimated_cost_usd:.4f}",
        execution.model_used or "-",
        execution.task.value,
    )


def _result(execution: Execution) -> str:
    if execution.success is None:
        return "running"
    if execution.error_kind:
        return execution.error_kind.value
    return "cached" if execution.from_cache else "ok"


def shown(execution: Execution, names: Mapping[str, str]) -> str:
    """Return all that is kept of an execution, the texts last."""
    fields = record(execution, with_code=True) | {"prompt": names.get(str(execution.prompt_id))}
    inputs = {f"input_data, {name}": value for name, value in (execution.input_data or {}).items()}
    known = fields | {"input_data": None} | inputs
    texts = {name: _text(value) for name, value in known.items() if value not in (None, "", {})}
    lines = [f"{name}: {text}" for name, text in texts.items() if "\n" not in text]
    for name, text in texts.items():
        if "\n" in text:
            lines += ["", f"{name}:", *text.split("\n")]
    return "\n".join(visible(line) for line in lines)


def _text(value: object) -> str:
    """Return a value as its line, or lines."""
    return json.dumps(value, indent=2, ensure_ascii=False) if isinstance(value, Mapping) else str(value)


def figures(groups: Iterable[Group], names: Mapping[str, str], cells: int) -> str:
    """Return figures as a table, a line for each key, with as many columns as fit."""
    return _table((_HEADS, *(_cells(group, names) for group in groups)), cells, right=_HEADS[1:])


def _table(rows: tuple[tuple[str, ...], ...], cells: int, right: tuple[str, ...]) -> str:
    """Return rows, the first being the heads, in columns; the last columns are left out where there is no room."""
    shown = [tuple(visible(cell) for cell in row) for row in rows]
    widths = [max(cell_len(cell) for cell in column) for column in zip(*shown, strict=True)]
    ends = [end + _GAP * number for number, end in enumerate(accumulate(widths))]
    columns = max(1, sum(end <= cells for end in ends))
    return "\n".join((" " * _GAP).join(_padded(row, shown[0], widths, right)[:columns]).rstrip() for row in shown)


def _padded(row: tuple[str, ...], heads: tuple[str, ...], widths: list[int], right: tuple[str, ...]) -> list[str]:
    spaces = [" " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)]
    parts = zip(row, heads, spaces, strict=True)
    return [space + cell if head in right else cell + space for cell, head, space in parts]


def _cells(group: Group, names: Mapping[str, str]) -> tuple[str, ...]:
    return (
        names.get(group.key, group.key) or "-",
        f"{group.executions:,}",
        _share(group.succeeded, group.executions),
        _share(group.from_cache, group.executions),
        "-" if group.average_ms is None else f"{group.average_ms / 1000:.1f} s",
        f"{group.tokens:,}",
        f"{group.cost_usd:.4f}" + ("+" if group.unpriced else ""),
        "-" if group.average_rating is None else f"{group.average_rating:.1f} ({group.rated})",
        _share(group.accepted, group.judged),
    )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "-"
