"""What is kept of an execution, by task and workspace: the strictest of all rules that apply."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePath

from codetune_core.domain.execution import Execution, Keep, Task
from codetune_core.sections import HistorySettings

_FROM_LOOSE_TO_STRICT = tuple(Keep)


def keep_of(settings: HistorySettings, task: Task, workspace: str) -> Keep:
    """Return the strictest rule for a task on files of a workspace folder; empty for none.

    A rule for a folder holds for all that is below it, by whatever path or symbolic link it is reached. Of a workspace
    of another machine only the folder's name is known: a rule for a folder of that name holds, wherever it is.
    """
    return strictest(*_rules(settings, task, workspace))


def strictest(*rules: Keep) -> Keep:
    """Return the rule that keeps least."""
    return max(rules, key=_FROM_LOOSE_TO_STRICT.index)


def _rules(settings: HistorySettings, task: Task, workspace: str) -> Iterator[Keep]:
    yield settings.keep
    if task in settings.tasks:
        yield settings.tasks[task]
    yield from (keep for folder, keep in settings.workspaces.items() if workspace and _holds(folder, workspace))
    if settings.content_days == 0:
        yield Keep.METADATA
    if settings.metadata_days == 0:
        yield Keep.NOTHING


def _holds(folder: str, workspace: str) -> bool:
    folder = os.path.expanduser(folder)  # noqa: PTH111 - the other paths are texts too
    if not os.path.isabs(workspace):  # noqa: PTH117
        return PurePath(folder).name == workspace
    return any(
        PurePath(normal(workspace)).is_relative_to(normal(folder)) for normal in (os.path.abspath, os.path.realpath)
    )


def stripped(execution: Execution, keep: Keep) -> Execution:
    """Return what may be written of an execution that may be kept so far, and no further than it allows itself.

    Of METADATA nothing stays that may quote code or a question. Of NOTHING only what a day's budget must count: time,
    user, task and cost, under the id.
    """
    keep = strictest(execution.keep, keep)
    match keep:
        case Keep.FULL:
            return replace(execution, keep=keep)
        case Keep.METADATA:
            return replace(
                execution,
                keep=keep,
                input_data=None,
                rendered_prompt=None,
                output_data=None,
                error_message=None,
                user_feedback_text=None,
            )
        case Keep.NOTHING:
            return Execution(
                id=execution.id,
                executed_at=execution.executed_at,
                task=execution.task,
                user_id=execution.user_id,
                keep=keep,
                success=execution.success,
                estimated_cost_usd=execution.estimated_cost_usd,
            )
