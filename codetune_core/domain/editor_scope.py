"""Where a prompt is offered in editors, and what becomes of its answer there, as two of its tags say."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Where(StrEnum):
    """What a prompt is asked about."""

    SELECTION = "selection"
    """The selected code; without a selection, the function or class around the cursor."""
    CURSOR = "cursor"
    """The comment or the unfinished function at the cursor; with a selection, what is selected."""
    FILE = "file"
    """All of the file."""
    NONE = "none"
    """Not offered, also where a release of the starter prompt would be."""


class Shows(StrEnum):
    """What becomes of the answer."""

    DOCUMENT = "document"
    """It is shown as a page of Markdown."""
    REPLACE = "replace"
    """It replaces what was asked about, or parts of it."""
    INSERT = "insert"
    """It is put beside what was asked about."""
    TESTS = "tests"
    """It is put into the file of tests for what was asked about."""


@dataclass(frozen=True, slots=True)
class EditorScope:
    """An entry of editors' menus."""

    where: Where
    shows: Shows = Shows.DOCUMENT


OFFERED = tuple(f"editor:{where}" for where in Where if where is not Where.NONE)
"""Tags, one of which each prompt has that editors offer."""
_KINDS: dict[str, type[Where] | type[Shows]] = {"editor": Where, "shows": Shows}


def editor_scope(tags: Iterable[str]) -> EditorScope | None:
    """Read ``editor:WHERE`` and ``shows:WHAT``; None for a prompt that is not offered in editors.

    Raises ValueError, in words, for another WHERE or WHAT, for two of a kind, and for ``shows:`` alone.
    """
    said: dict[str, str] = {}
    for tag in tags:
        key, colon, value = tag.partition(":")
        if not colon or key not in _KINDS:
            continue
        known = [str(each) for each in _KINDS[key]]
        if value not in known:
            raise ValueError(f"{key}:{value} is no tag for editors; there are {', '.join(known)}")
        if said.setdefault(key, value) != value:
            raise ValueError(f"two tags begin with {key}: and differ; keep one")
    if "editor" not in said:
        if said:
            raise ValueError("a tag shows: says what becomes of an answer in editors; add editor:selection, say")
        return None
    where = Where(said["editor"])
    return None if where is Where.NONE else EditorScope(where, Shows(said.get("shows", Shows.DOCUMENT)))


def scope_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Return those tags that are about editors."""
    return tuple(tag for tag in tags if tag.partition(":")[0] in _KINDS and ":" in tag)
