"""Executions and their figures for people."""

from collections.abc import Iterable, Mapping

from codetune_core.cli.formats.visible import visible
from codetune_core.domain.execution import Execution
from codetune_core.history.export import record
from codetune_core.history.protocol import Group

_HEADS = ("", "runs", "success", "cached", "time", "tokens", "USD", "rating", "accepted")


def listed(execution: Execution, names: Mapping[str, str]) -> str:
    """Return an execution in one line: id, time, what ran, what came of it, how long it took, what it cost."""
    parts = (
        str(execution.id),
        f"{execution.executed_at:%Y-%m-%d %H:%M}",
        execution.task.value,
        names.get(str(execution.prompt_id), "-"),
        execution.model_used or "-",
        _result(execution),
        "-" if execution.execution_time_ms is None else f"{execution.execution_time_ms / 1000:.1f} s",
        "-" if execution.estimated_cost_usd is None else f"{execution.estimated_cost_usd:.4f} USD",
    )
    return visible("  ".join(parts))


def _result(execution: Execution) -> str:
    if execution.success is None:
        return "running"
    if execution.error_kind:
        return execution.error_kind.value
    return "cached" if execution.from_cache else "ok"


def shown(execution: Execution, names: Mapping[str, str]) -> str:
    """Return all that is kept of an execution, the texts last."""
    fields = record(execution, with_code=True) | {"prompt": names.get(str(execution.prompt_id))}
    short = {name: value for name, value in fields.items() if "\n" not in str(value)}
    lines = [f"{name}: {value}" for name, value in short.items() if value not in (None, "", {})]
    for name, value in fields.items():
        if name not in short:
            lines += ["", f"{name}:", str(value)]
    return visible("\n".join(lines))


def figures(groups: Iterable[Group], names: Mapping[str, str]) -> str:
    """Return figures as a table, a line for each key."""
    rows = [_HEADS, *(_cells(group, names) for group in groups)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    return "\n".join(_padded(row, widths) for row in rows)


def _padded(row: tuple[str, ...], widths: list[int]) -> str:
    first, *rest = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
    return "  ".join((row[0].ljust(len(first)), *rest))


def _cells(group: Group, names: Mapping[str, str]) -> tuple[str, ...]:
    return (
        visible(names.get(group.key, group.key) or "-"),
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
