"""``codetune.rate``, and the two entries that rate the last answer about a file."""

from uuid import UUID

from lsprotocol import types

from codetune_core.errors import CodeTuneError
from codetune_server import to_proto
from codetune_server.backend import Backend
from codetune_server.errors import failed, invalid_params
from codetune_server.offers import ASKING, is_wanted

COMMAND = "codetune.rate"
_BEST = 5
_TITLES = {"Good answer": _BEST, "Bad answer": 1}


def entries(backend: Backend, params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:
    """The entries for the last answer about a document, in a menu that a person has opened."""
    by_itself = params.context.trigger_kind is types.CodeActionTriggerKind.Automatic
    execution_id = backend.outcomes.answer_about(params.text_document.uri)
    if not execution_id or by_itself or not is_wanted(ASKING, params.context.only):
        return []
    commands = [types.Command(title, COMMAND, arguments=[execution_id, stars]) for title, stars in _TITLES.items()]
    return [to_proto.entry(command, ASKING, backend.client) for command in commands]


async def rate(backend: Backend, execution_id: str, rating: int, text: str = "") -> None:
    """Rate an answer from 1 to 5, and say why."""
    if not 1 <= rating <= _BEST:
        raise invalid_params(f"A rating is from 1 to {_BEST}.")
    try:
        known = await backend.outcomes.rate(UUID(execution_id), rating, text)
    except ValueError:
        raise invalid_params("The first argument is no id of an execution.") from None
    except CodeTuneError as error:
        raise failed(str(error)) from error
    if not known:
        raise failed("Nothing is kept of this answer, so there is nothing to rate (history.keep).")
