"""What was last found in the functions of a document, for while its text does not parse."""

import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding, Step
from codetune_core.domain.text import Position, Range, without_end
from codetune_core.syntax.python import Outline, outline

_DOCUMENTS = 64
_IMPORT = re.compile(r"\s*(?:from|import)\b")


@dataclass(frozen=True, slots=True)
class _Kept:
    """A finding, and the lines of the function (or the statement, outside of functions) that it lies in."""

    finding: Finding
    first_line: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _State:
    version: int | None
    line_count: int
    kept: tuple[_Kept, ...]


class LastFindings:
    """Findings of the last text that parsed, of the documents asked about last."""

    def __init__(self) -> None:
        self._states: OrderedDict[str, _State] = OrderedDict()

    def remember(self, document: Document, findings: Iterable[Finding]) -> None:
        """Keep the findings of a text that parses.

        Of several texts with one version number the first is the editor's, the others are trials of fixes.
        """
        known = self._states.get(document.uri)
        if known and known.version is not None and known.version == document.version:
            return
        units: dict[tuple[int, int], tuple[str, ...]] = {}
        kept = tuple(_kept(document, finding, units) for finding in findings)
        self._states[document.uri] = _State(document.version, len(document.lines), kept)
        self._states.move_to_end(document.uri)
        if len(self._states) > _DOCUMENTS:
            self._states.popitem(last=False)

    def recall(self, document: Document, unread: Sequence[tuple[int, int]]) -> tuple[Finding, ...]:
        """Findings of functions whose text is unchanged, at their present lines, marked stale.

        Only those in unread blocks; all of them where an import is unread, since what the rest means hangs on it.
        """
        state = self._states.get(document.uri)
        if state is None:
            return ()
        lines = [without_end(line) for line in document.lines]
        everywhere = any(_IMPORT.match(line) for first, last in unread for line in lines[first : last + 1])
        found = []
        for kept in state.kept:
            start = _present_line(kept, lines, len(lines) - state.line_count)
            if start is None:
                continue
            finding = _moved(kept.finding, start - kept.first_line)
            if everywhere or any(first <= finding.range.start.line <= last for first, last in unread):
                found.append(finding)
        return tuple(found)


def _kept(document: Document, finding: Finding, units: dict[tuple[int, int], tuple[str, ...]]) -> _Kept:
    first, last = _unit(outline(document), finding.range)
    if (first, last) not in units:
        units[first, last] = tuple(without_end(line) for line in document.lines[first : last + 1])
    return _Kept(finding, first, units[first, last])


def _unit(symbols: Outline, place: Range) -> tuple[int, int]:
    line = place.start.line
    around = [
        (symbol.first_line, symbol.last_line)
        for symbol in symbols.symbols
        if symbol.kind == "function" and symbol.first_line <= line <= symbol.last_line
    ]
    return around[-1] if around else symbols.statement_lines(place)


def _present_line(kept: _Kept, lines: Sequence[str], shift: int) -> int | None:
    """Where the lines stand now: in place, shifted by what was inserted above, or at the only place with such lines."""
    for start in (kept.first_line, kept.first_line + shift):
        if _stands(kept.lines, lines, start):
            return start
    places = [start for start, line in enumerate(lines) if line == kept.lines[0] and _stands(kept.lines, lines, start)]
    return places[0] if len(places) == 1 else None


def _stands(unit: Sequence[str], lines: Sequence[str], start: int) -> bool:
    """Whether a block's lines begin here, with nothing added to its end and no decorator to its start."""
    end = start + len(unit)
    if start < 0 or tuple(lines[start:end]) != tuple(unit):
        return False
    below = next((line for line in lines[end:] if line.strip()), "")
    decorated = start > 0 and lines[start - 1].lstrip().startswith("@")
    return not decorated and _width(below) <= _width(unit[0])


def _width(line: str) -> int:
    return len(line) - len(line.lstrip())


def _moved(finding: Finding, by: int) -> Finding:
    evidence = tuple(Step(_shifted(step.range, by), step.message, step.uri) for step in finding.evidence)
    return replace(finding, range=_shifted(finding.range, by), evidence=evidence, stale=True)


def _shifted(place: Range, by: int) -> Range:
    start, end = place.start, place.end
    return Range(Position(start.line + by, start.column), Position(end.line + by, end.column))
