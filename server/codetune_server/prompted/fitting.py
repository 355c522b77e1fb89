"""Which entries of the menu have something to do at a place."""

from collections.abc import Iterable
from functools import cache

from codetune_core.domain.document import Document
from codetune_core.domain.editor_scope import Where
from codetune_core.domain.text import Range
from codetune_server.errors import RequestError
from codetune_server.prompted.docstring import check_documentable
from codetune_server.prompted.listing import PromptAction
from codetune_server.prompted.place import Place, place_of


def fitting(
    actions: Iterable[PromptAction], document: Document, chosen: Range, *, by_itself: bool
) -> list[PromptAction]:
    """Return those for a selection or a cursor; a menu that opens ``by_itself`` has only what is about a selection.

    What needs to be told what is wanted is offered at a cursor only where a comment says that: who selects code may
    be asked by the editor.
    """
    is_selection = chosen.start != chosen.end

    @cache
    def place(where: Where) -> Place | None:
        try:
            return place_of(document, chosen, where)
        except RequestError:
            return None

    def fits(action: PromptAction) -> bool:
        if by_itself and (not is_selection or action.scope.where is Where.FILE):
            return False
        if action.asks:
            return True
        found = place(action.scope.where)
        if found is None or (action.documents and not _is_documentable(document, found)):
            return False
        return is_selection or bool(found.wish) or not action.needs_wish

    return [action for action in actions if fits(action)]


def _is_documentable(document: Document, place: Place) -> bool:
    try:
        check_documentable(document, place)
    except RequestError:
        return False
    return True
