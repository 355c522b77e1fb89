"""From quotes to edits of exact places: each quote stands once where it may be changed, or the answer is refused."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from codetune_core.domain.document import Document
from codetune_core.domain.text import Edit, Range, indentation
from codetune_core.findings.anchor import Miss, Quoted, anchor_all
from codetune_core.findings.blanking import blanked
from codetune_core.fixes.ladder.result import Refused
from codetune_core.mending.proposal import Proposal, Replaced

_SHOWN = 60
"""Characters of a quote in a reason."""
_LONG_STRINGS = ('"""', "'''", "`")
_WHY = {
    Miss.EMPTY: "is empty: quote the code that is to be replaced",
    Miss.ABSENT: "does not stand in the code: copy it exactly",
    Miss.ELSEWHERE: "does not stand in the code: copy it exactly",
    Miss.AMBIGUOUS: "stands in the code more than once: quote more lines around it",
}


def edits_of(document: Document, ranges: Sequence[Range], proposal: Proposal) -> tuple[Edit, ...] | Refused:
    """The edits that a proposal means; quotes are looked for in the ranges, then, as imports may be, elsewhere."""
    if proposal.refused:
        return Refused(proposal.refused)
    inside = _only(document, ranges)
    claims = [Quoted(each.quote) for each in proposal.replaced]
    found = list(anchor_all(inside, claims))
    if Miss.ABSENT in found:
        anywhere = anchor_all(document, claims)
        found = [other if here is Miss.ABSENT else here for here, other in zip(found, anywhere, strict=True)]
    edits = list(proposal.edits)
    for each, place in zip(proposal.replaced, found, strict=True):
        if isinstance(place, Miss):
            return Refused(f"the quote `{_short(each.quote)}` {_WHY[place]}")
        edits.append(_edit(document, place, each))
    return tuple(edit for edit in edits if document.slice(edit.range) != edit.new_text)


def _only(document: Document, ranges: Sequence[Range]) -> Document:
    """The document with nothing but blanks outside of some ranges, so that places stay what they are."""
    places = sorted((document.offset(each.start), document.offset(each.end)) for each in ranges)
    return replace(document, text=blanked(document.text, _between(places, len(document.text))))


def _between(places: Sequence[tuple[int, int]], end: int) -> Iterator[tuple[int, int]]:
    done = 0
    for start, stop in places:
        if start > done:
            yield done, start
        done = max(done, stop)
    if done < end:
        yield done, end


def _edit(document: Document, place: Range, each: Replaced) -> Edit:
    """The edit of a place: with the blanks around the quote where they stand there too, laid out as the code is."""
    end = document.line_end(place.start.line)
    quote, new = _with_ends(each.quote, end), _with_ends(each.replacement, end)
    core = quote.strip()
    head, tail = quote[: quote.index(core)], quote[quote.index(core) + len(core) :]
    start, stop = document.offset(place.start), document.offset(place.end)
    text = document.text
    if text[start:stop] == core and text.endswith(head, 0, start) and text.startswith(tail, stop):
        whole = Range(document.position(start - len(head)), document.position(stop + len(tail)))
        return Edit(whole, _moved(new, _shift(document, place, quote, new), end))
    return Edit(place, _moved(new.strip(), _shift(document, place, quote, new), end))


def _shift(document: Document, place: Range, quote: str, new: str) -> tuple[str, str]:
    """Indentation of the lines below the first that the model wrote, and that which they have in the document.

    None is exchanged where a string of several lines would change its value.
    """
    if any(mark in new for mark in _LONG_STRINGS):
        return "", ""
    theirs = [line for line in quote.strip("\r\n").splitlines() if line.strip()]
    ours = document.lines[place.start.line : place.end.line + 1]
    ours = [line for line in ours if line.strip()]
    if len(theirs) > 1 and len(ours) > 1:
        return indentation(theirs[1]), indentation(ours[1])
    first = indentation(ours[0])
    below = [line for line in new.splitlines()[1:] if line.strip()]
    if indentation(theirs[0]) == first or all(line.startswith(first) for line in below):
        return "", ""
    return indentation(theirs[0]), first


def _moved(code: str, shift: tuple[str, str], end: str) -> str:
    """Lines below the first with another indentation; one with less than what is exchanged keeps its own."""
    theirs, ours = shift
    if theirs == ours:
        return code
    first, *below = code.split(end)
    cut = min((len(indentation(line)) for line in below if line.strip()), default=0)
    base = theirs[: min(cut, len(theirs))]
    moved = [f"{ours}{line.removeprefix(base)}" if line.strip() else line for line in below]
    return end.join([first, *moved])


def _with_ends(text: str, end: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", end)


def _short(quote: str) -> str:
    first = (quote.strip().splitlines() or [""])[0]
    return first if len(first) <= _SHOWN else f"{first[:_SHOWN]}..."
