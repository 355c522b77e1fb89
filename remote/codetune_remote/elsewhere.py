"""What clients of other machines name is never looked for on the disk of this one."""

from typing import TypeVar

from codetune_core.domain.execution import Role
from codetune_core.execution.wire import AboutFiles
from codetune_core.models.adapters import split_adapter
from codetune_core.models.files import is_path
from codetune_core.settings import Settings
from codetune_remote.problems import Refusal

Body = TypeVar("Body", bound=AboutFiles)
_SERVER = "openai"
"""The engine that looks for no files of any model: its name is what the server calls it, which may be a path there."""


def from_elsewhere(body: Body, settings: Settings) -> Body:
    """Return what is asked, with files as names; raises Refusal 422 for a model that would be a folder here."""
    name, _ = split_adapter(body.model)
    engine = settings.engines.get(settings.engine.name) or settings.engine
    if is_path(name) and engine.name != _SERVER and name not in _named(settings):
        raise Refusal(422, "invalid", "ask for a model by its name or id: a folder of the service's machine is none")
    return body.of_elsewhere()


def _named(settings: Settings) -> set[str]:
    """Return the models that the settings name, which may be folders."""
    roles = (str(getattr(settings.models, role)) for role in Role)
    return {settings.engine.model, *roles, *(engine.model for engine in settings.engines.values())}
