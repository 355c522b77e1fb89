"""Prompts as JSON: a contract with scripts (docs/cli.md), to whose objects keys are only added."""

import datetime as dt
import json
from collections.abc import Iterable
from typing import Any

import click

from codetune_core.domain.deployment import Deployment
from codetune_core.domain.prompt import Prompt, PromptVersion, Statistics


def write_json(content: Any) -> None:
    """Print one value, indented."""
    click.echo(json.dumps(content, indent=2, ensure_ascii=False, default=str))


def prompt_json(prompt: Prompt) -> dict[str, Any]:
    """Return what describes a prompt, and what came of it."""
    draft = prompt.draft
    return {
        "id": str(prompt.id),
        "name": draft.name,
        "description": draft.description,
        "category": draft.category.value,
        "use_case": draft.use_case,
        "tags": list(draft.tags),
        "active": prompt.is_active,
        "created_at": moment(prompt.created_at),
        "created_by": prompt.created_by,
        "in_production": prompt.current_version_id is not None,
        **_statistics(prompt.statistics),
    }


def version_json(version: PromptVersion, labels: Iterable[str], *, wording: bool = False) -> dict[str, Any]:
    """Return a version, with everything that it says where ``wording`` is wanted."""
    content = {
        "number": version.number,
        "content_hash": version.wording.content_hash,
        "created_at": moment(version.created_at),
        "created_by": version.created_by,
        "notes": version.change_notes,
        "labels": list(labels),
        "tests": _statistics(version.tests),
    }
    return content | {"wording": version.wording.model_dump(mode="json")} if wording else content


def deployment_json(entry: Deployment) -> dict[str, Any]:
    """Return an entry of the ledger."""
    return {
        "sequence": entry.sequence,
        "label": entry.label,
        "version": entry.version_number,
        "action": entry.action.value,
        "at": moment(entry.at),
        "by": entry.by,
        "reason": entry.reason,
        "experiment": entry.experiment.model_dump(mode="json") if entry.experiment else None,
    }


def moment(at: dt.datetime) -> str:
    """Return a time in UTC as ISO 8601 writes it."""
    return at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def _statistics(figures: Statistics) -> dict[str, Any]:
    return {
        "executions": figures.executions,
        "success_rate": figures.success_rate,
        "average_ms": figures.average_ms,
    }
