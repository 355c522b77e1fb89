"""Which fix rules answer to which findings."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from codetune_core.domain.fix import Applicability
from codetune_core.domain.text import Edit
from codetune_core.fixes import rules

if TYPE_CHECKING:
    from codetune_core.fixes.imports import Reference
    from codetune_core.fixes.site import Site


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a fix rule suggests, before it is verified.

    Attributes:
        title: imperative, says what is done.
        applicability: safe only where no correct program changes its behaviour.
        edits: without those for imports; empty for display-only.
        needs: references whose import statements are added where missing.
        note: markdown: what changes in behaviour, or how to go about it by hand.
    """

    title: str
    applicability: Applicability
    edits: tuple[Edit, ...] = ()
    needs: "tuple[Reference, ...]" = ()
    note: str = ""


FixRule = Callable[["Site"], Iterable[Proposal]]
_BY_RULE: defaultdict[str, list[FixRule]] = defaultdict(list)


def fixes(*rule_ids: str) -> Callable[[FixRule], FixRule]:
    """Register a fix rule for findings of these rules; it yields its proposals, the best first."""

    def register(rule: FixRule) -> FixRule:
        for rule_id in rule_ids:
            _BY_RULE[rule_id].append(rule)
        return rule

    return register


@cache
def _load() -> None:
    """Import the rules, and libcst with them: a quarter of what a worker takes to start, and not needed to review."""
    for module in iter_modules(rules.__path__):
        import_module(f"{rules.__name__}.{module.name}")


def rules_for(names: Iterable[str]) -> list[FixRule]:
    """The fix rules for a finding that answers to these names."""
    _load()
    return list(dict.fromkeys(rule for name in sorted(names) for rule in _BY_RULE.get(name, ())))


def fixable() -> frozenset[str]:
    """Every rule id that some fix rule answers to."""
    _load()
    return frozenset(_BY_RULE)
