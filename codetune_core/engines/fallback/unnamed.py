"""The identity of a model that nobody asked for by name, so that another engine may use its own instead."""

from dataclasses import astuple
from typing import ClassVar

from codetune_core.domain.execution import ModelIdentity, Role


class Unnamed(ModelIdentity):
    """Equal to the identity that it is, and of the same fields: it is recorded, priced and cached as that one."""

    __slots__ = ()
    role: ClassVar[Role]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ModelIdentity) and astuple(self) == astuple(other)

    __hash__ = ModelIdentity.__hash__


_OF_ROLE = {role: type("Unnamed", (Unnamed,), {"__slots__": (), "role": role}) for role in Role}


def unnamed(identity: ModelIdentity, role: Role) -> ModelIdentity:
    """Mark an identity as that of the model which an engine uses for a role."""
    marked: ModelIdentity = _OF_ROLE[role](*astuple(identity))
    return marked
