"""For tests of the verification ladder: texts, edits told by quotes, and a detector that marks letters."""

from dataclasses import dataclass, field
from pathlib import Path

from codetune_core.domain.check import Check
from codetune_core.domain.document import Document
from codetune_core.domain.finding import Confidence, Finding, Rule, Severity
from codetune_core.domain.text import Edit, Range
from codetune_core.errors import DetectorError
from codetune_core.fixes.ladder.request import Request

WHOLE = Range.of(0, 0, 100_000, 0)
MARK = "eval("


def document(text: str, path: Path | None = None, language: str = "python") -> Document:
    return Document(path.as_uri() if path else "untitled:case.py", text, language)


def place(of: Document, quote: str) -> Range:
    start = of.text.index(quote)
    return Range(of.position(start), of.position(start + len(quote)))


def edit(of: Document, quote: str, new: str) -> Edit:
    """Replace the first place of a quote."""
    return Edit(place(of, quote), new)


def finding(of: Document, quote: str = MARK, rule: str = "E1") -> Finding:
    return Finding(Rule(rule, "use of eval"), place(of, quote), "", Severity.HIGH, Confidence.HIGH, ("marks",), id="1")


def request(of: Document, *quotes: str, about: Finding | None = None, root: Path | None = None) -> Request:
    """A request that allows the places of the quotes to be changed, and everything where there are none."""
    return Request(of, tuple(place(of, quote) for quote in quotes) or (WHOLE,), about, root)


@dataclass
class Marks:
    """A checker and detector: ``eval(`` is a finding E1, ``exec(`` E2, a name ``unknown_...`` is undefined."""

    looked: list[str] = field(default_factory=list)

    async def check(self, of):
        return Check(
            parses=True, undefined_names=tuple(sorted(word for word in of.text.split() if word.startswith("unknown_")))
        )

    async def findings(self, of, also=()):
        self.looked.append(of.text)
        if "cannot look" in of.text:
            raise DetectorError("the detector cannot look at this")
        rules = {MARK: "E1", "exec(": "E2"}
        return tuple(finding(of, mark, rule) for mark, rule in rules.items() for _ in range(of.text.count(mark)))
