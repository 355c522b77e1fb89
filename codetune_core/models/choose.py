"""Chooses a model for a role by the hardware, and says how it is to be loaded."""

from codetune_core.domain.execution import Role
from codetune_core.errors import SettingsError
from codetune_core.models.load_plan import LoadPlan
from codetune_core.settings import Settings


def wanted(role: Role, settings: Settings) -> str:
    """Return the model that the settings name for a role; empty for ``auto``."""
    name = str(getattr(settings.models, role))
    return "" if name == "auto" else name


def load_plan(name: str, role: Role, settings: Settings) -> LoadPlan:
    """Return how a model is to be loaded, that of the role where no name is given; raises SettingsError."""
    meant = name or wanted(role, settings)
    raise SettingsError(f"no model {meant} is on this machine" if meant else "no model is on this machine")
