"""Keys of the service: who has one, and what it allows."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a key allows; ``admin`` allows everything."""

    EXECUTE = "execute"
    """Run prompts, make vectors, rate what came back."""
    READ = "read"
    """See prompts, history, models and figures."""
    PROMPTS_WRITE = "prompts:write"
    """Change and deploy prompts."""
    ADMIN = "admin"
    """Load models, delete history, make keys."""


USUAL_SCOPES = (Scope.EXECUTE, Scope.READ)
"""What a developer's key allows."""


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """What is known of a key, which is not the key.

    Attributes:
        id: the part of the key that is no secret.
        user_id: whom budgets and limits count for, and whose history it sees.
        expires_at: None for never.
        revoked_at: None while it is not.
        last_used_at: to some minutes; None for not yet.
    """

    id: str
    user_id: str
    scopes: frozenset[Scope]
    created_at: dt.datetime
    created_by: str = ""
    note: str = ""
    expires_at: dt.datetime | None = None
    revoked_at: dt.datetime | None = None
    last_used_at: dt.datetime | None = None

    def has_expired(self, now: dt.datetime) -> bool:
        """Tell whether its time is over."""
        return self.expires_at is not None and self.expires_at <= now
