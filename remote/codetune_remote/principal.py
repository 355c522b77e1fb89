"""Who asks, and what they may do."""

from dataclasses import dataclass

from codetune_core.domain.service_key import Scope

CHALLENGE = {"WWW-Authenticate": 'CodeTune-Key realm="codetune"'}
"""The header of a 401 (RFC 9110, 11.6.1): the key goes into X-CodeTune-Key."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: ``user_id`` is whom budgets and limits count for, ``key_id`` is empty for who came by the socket."""

    user_id: str
    scopes: frozenset[Scope]
    tenant: str = ""
    key_id: str = ""

    def may(self, scope: Scope) -> bool:
        """Tell whether this is allowed."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    @property
    def sees_everyone(self) -> bool:
        """Whether other users' executions are theirs to see: history is one's own except for who administers it."""
        return Scope.ADMIN in self.scopes
