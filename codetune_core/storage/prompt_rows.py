"""Between the rows of the prompt library and the values of the domain."""

import datetime as dt
from typing import Any

from sqlalchemy import null

from codetune_core.domain.deployment import Action, Deployment, Experiment
from codetune_core.domain.identifiers import new_id
from codetune_core.domain.prompt import Category, Prompt, PromptDraft, PromptVersion, Statistics, Wording
from codetune_core.prompts.protocol import Entry
from codetune_core.storage.history_rows import clean
from codetune_core.storage.tables.prompts import DeploymentRow, PromptRow, PromptVersionRow

_MIRRORED = ("system_prompt", "user_prompt_template", "few_shot_examples", "model_type", "temperature", "max_tokens")
_LONGEST_NAME = 100


def prompt_of(row: PromptRow) -> Prompt:
    """Read a prompt."""
    draft = PromptDraft(
        name=row.name,
        description=row.description,
        category=Category(row.category),
        use_case=row.use_case,
        tags=tuple(row.tags),
    )
    statistics = Statistics(row.total_executions, row.success_rate, row.avg_execution_time)
    return Prompt(row.id, draft, row.created_at, row.created_by, row.is_active, row.current_version_id, statistics)


def version_of(row: PromptVersionRow) -> PromptVersion:
    """Read a version."""
    wording = Wording.model_validate({name: getattr(row, name) for name in Wording.model_fields})
    return PromptVersion(
        id=row.id,
        prompt_id=row.prompt_id,
        number=row.version_number,
        wording=wording,
        created_at=row.created_at,
        created_by=row.created_by,
        change_notes=row.change_notes,
        is_deployed=row.is_deployed,
        deployed_at=row.deployed_at,
        tests=Statistics(row.test_executions, row.test_success_rate, row.test_avg_execution_time),
    )


def deployment_of(row: DeploymentRow, version_number: int) -> Deployment:
    """Read an entry of the ledger."""
    return Deployment(
        sequence=row.id,
        prompt_id=row.prompt_id,
        version_id=row.version_id,
        version_number=version_number,
        label=row.label,
        action=Action(row.action),
        at=row.deployed_at,
        by=row.deployed_by,
        reason=row.reason,
        experiment=Experiment.model_validate(row.experiment) if row.experiment else None,
    )


def described(draft: PromptDraft) -> dict[str, Any]:
    """Columns of what describes a prompt."""
    return {**draft.model_dump(), "category": draft.category.value, "tags": list(draft.tags)}


def mirrored(version: PromptVersionRow) -> dict[str, Any]:
    """Columns of a prompt that repeat the version deployed to production."""
    return {**{name: getattr(version, name) for name in _MIRRORED}, "current_version_id": version.id}


def new_prompt(draft: PromptDraft, by: str, now: dt.datetime) -> dict[str, Any]:
    """Columns of a prompt with nothing deployed."""
    return {"id": new_id(), **described(draft), "created_at": now, "created_by": signature(by), "is_active": True}


def new_version(wording: Wording) -> dict[str, Any]:
    """Columns of a version that follow from what it says."""
    return {"id": new_id(), **wording.model_dump(mode="json"), "content_hash": wording.content_hash}


def new_deployment(entry: Entry, now: dt.datetime) -> dict[str, Any]:
    """Columns of an entry of the ledger."""
    return {
        "prompt_id": entry.prompt_id,
        "version_id": entry.version_id,
        "label": entry.label,
        "action": entry.action.value,
        "deployed_at": now,
        "deployed_by": signature(entry.by),
        "reason": clean(entry.reason),
        "experiment": entry.experiment.model_dump(mode="json") if entry.experiment else null(),
    }


def signature(by: str) -> str:
    """Who did something, as the columns hold it: a longer name is cut, so that nothing fails for it."""
    return clean(by)[:_LONGEST_NAME]
