"""The database as ``codetune doctor`` finds it: looked at, never made nor upgraded."""

from dataclasses import dataclass
from typing import Literal

from codetune_core.errors import StorageError
from codetune_core.sections import StorageSettings
from codetune_core.storage.glance import glance
from codetune_core.storage.url import configured_url

_SECONDS = 3
"""Longest time that a person waits for a server."""


@dataclass(frozen=True, slots=True)
class FoundDatabase:
    """A database.

    Attributes:
        url: where it is, fit to be shown; empty where the configured one cannot be read.
        state: ``missing`` for a file that is made when it is first used, ``unusable`` for what ``problem`` says.
        revision: of its schema, None where it has none.
        head: the revision that this CodeTune needs; empty where it was not looked at.
        problem: why it cannot be used, and what to do; empty where it can.
    """

    url: str = ""
    state: Literal["missing", "empty", "older", "current", "newer", "unusable"] = "missing"
    revision: str | None = None
    head: str = ""
    problem: str = ""

    @property
    def usable(self) -> bool:
        """Whether prompts and history can be used now."""
        return not self.problem

    @property
    def text(self) -> str:
        """All of it in a line."""
        match self.state:
            case "missing":
                return f"{self.url}: not there yet; it is made when it is first used"
            case "empty":
                return f"{self.url}: no schema yet; it is made when it is first used"
            case "current":
                return f"{self.url}: schema {self.revision}"
        return self.problem or f"{self.url}: schema {self.revision}; it is upgraded to {self.head} when it is next used"


async def found_database(settings: StorageSettings) -> FoundDatabase:
    """Look at the database that is configured."""
    url = ""
    try:
        configured = configured_url(settings.database_url)
        url = configured.shown
        state = await glance(configured, min(settings.connect_seconds, _SECONDS))
    except StorageError as error:
        return FoundDatabase(url, "unusable", problem=str(error))
    if state is None:
        return FoundDatabase(url)
    problem = ""
    if state.relation == "newer":
        problem = f"{url}: schema {state.revision} is newer than this CodeTune ({state.head}): update CodeTune"
    elif state.relation == "older" and configured.server:
        problem = f"{url}: schema {state.revision}, {state.head} is needed: back it up, then codetune db upgrade --yes"
    return FoundDatabase(url, state.relation, state.revision, state.head, problem)
