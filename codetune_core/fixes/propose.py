"""From a finding to proposals with all their edits, those of the imports included."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.text import Edit
from codetune_core.fixes.insertion import joined
from codetune_core.fixes.registry import FixRule, Proposal, rules_for

if TYPE_CHECKING:
    from codetune_core.fixes.site import Site

_log = logging.getLogger(__name__)


def propose(document: Document, finding: Finding) -> list[Proposal]:
    """Every proposal for a finding, the best first; none where no rule answers or the text does not parse."""
    rules = rules_for(finding.names) if document.language == "python" else []
    if not rules:
        return []
    from codetune_core.fixes.site import locate  # noqa: PLC0415 - the rules have just imported it, see `_load`

    site = locate(document, finding)
    if site is None:
        return []
    return [_with_imports(site, proposal) for rule in rules for proposal in _ask(rule, site)]


def combined(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """Edits as one list in the order of the text: equal ones once, imports that go to one place put together."""
    return tuple(sorted(joined(dict.fromkeys(edits))))


def _ask(rule: FixRule, site: "Site") -> Iterator[Proposal]:
    try:
        yield from rule(site)
    except Exception as error:  # noqa: BLE001 - a rule's fault loses its own proposals only
        _log.warning("fix rule %s failed: %s", rule.__name__, type(error).__name__)


def _with_imports(site: "Site", proposal: Proposal) -> Proposal:
    statements = dict.fromkeys(need.statement for need in proposal.needs if need.statement)
    imports = [site.imports.insertion(statement) for statement in statements]
    return replace(proposal, edits=combined([*imports, *proposal.edits]))
