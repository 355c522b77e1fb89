"""Remembers whose terms the user accepted: a model's licence is shown and accepted before the first load."""

import datetime as dt
import json
from pathlib import Path

from platformdirs import user_data_path

from codetune_core.errors import SettingsError
from codetune_core.models.spec import ModelSpec
from codetune_core.workspace.write import replace_file


def licence_accepted(spec: ModelSpec) -> bool:
    """Whether a model may be loaded: its terms need no acceptance, or these very terms were accepted."""
    return not spec.licence.accept or _read().get(spec.id, {}).get("terms") == _terms(spec)


def accept_licence(spec: ModelSpec) -> None:
    """Remember that the user accepted a model's terms today; raises SettingsError where it cannot be written."""
    accepted = _read()
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    accepted[spec.id] = {"licence": spec.licence.name, "terms": _terms(spec), "accepted_at": now.isoformat()}
    path = _path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, json.dumps(accepted, indent=1).encode())
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error}") from error


def _terms(spec: ModelSpec) -> str:
    return f"{spec.licence.name}\n{spec.licence.url}\n{spec.licence.terms}"


def _path() -> Path:
    return user_data_path("codetune") / "licences.json"


def _read() -> dict[str, dict[str, str]]:
    """Return what was accepted; nothing where the file is not there or not ours, so that it is asked again."""
    try:
        content = json.loads(_path().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return (
        {name: entry for name, entry in content.items() if isinstance(entry, dict)} if isinstance(content, dict) else {}
    )
