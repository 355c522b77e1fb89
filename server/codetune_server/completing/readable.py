"""Which other open documents a model may be told of, for a completion in one of them."""

from collections.abc import Iterable
from functools import lru_cache
from itertools import islice

from codetune_core.completion.neighbours import DOCUMENTS
from codetune_core.domain.document import Document
from codetune_core.outbound.origin import Origin
from codetune_core.outbound.policy import Policy
from codetune_core.service_sections import OutboundSettings
from codetune_server.folders import paths_of, workspace_of
from codetune_server.holdings import Holding


def readable(document: Document, others: Iterable[Document], holding: Holding) -> tuple[Document, ...]:
    """Return those of the same folder that are not ignored; reads the disk.

    Where the document itself may leave this machine, those that may not are left out, so that none of them keeps it
    from being completed. Where it may not, only a model of this machine is asked, which may be told of all of them.
    """
    workspace = workspace_of(holding.folder)
    policy = _policy(holding.settings.outbound)

    def refusal(file: Document) -> str:
        return policy.refusal(Origin(workspace=workspace, paths=paths_of(file)))

    near = (other for other in others if _is_near(other, document, holding) and not holding.why_skipped(other))
    chosen = tuple(islice(near, DOCUMENTS))
    return chosen if not chosen or refusal(document) else tuple(other for other in chosen if not refusal(other))


@lru_cache(maxsize=4)
def _policy(settings: OutboundSettings) -> Policy:
    return Policy(settings)


def _is_near(other: Document, document: Document, holding: Holding) -> bool:
    if other.path is None or document.path is None:
        return other.path is None and document.path is None
    return other.path.parent == document.path.parent if holding.folder is None else holding.folder.holds(other)
