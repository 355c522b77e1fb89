"""From a finding to proposals with all their edits, those of the imports included."""

from dataclasses import replace

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.text import Edit
from codetune_core.fixes.registry import Proposal, rules_for
from codetune_core.fixes.site import Site, locate


def propose(document: Document, finding: Finding) -> list[Proposal]:
    """Every proposal for a finding, the best first; none where no rule answers or the text does not parse."""
    rules = rules_for(finding.names) if document.language == "python" else []
    site = locate(document, finding) if rules else None
    if site is None:
        return []
    return [_with_imports(site, proposal) for rule in rules for proposal in rule(site)]


def _with_imports(site: Site, proposal: Proposal) -> Proposal:
    statements = sorted({need.statement for need in proposal.needs if need.statement})
    edits = (*(site.imports.insertion(statement) for statement in statements), *proposal.edits)
    return replace(proposal, edits=edits)


def combined(edits: list[Edit]) -> tuple[Edit, ...]:
    """Edits of several fixes as one list: equal ones once, in the order of the text."""
    return tuple(sorted(dict.fromkeys(edits)))
