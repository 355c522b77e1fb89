"""An answer as a page of Markdown: what it is about, what was answered, by whom; places in the code are links."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote as percent_encoded

from codetune_core.domain.document import Document
from codetune_core.domain.text import Range
from codetune_core.model_reviewer.hidden import sentence
from codetune_server.prompted.citing import QUOTES, answered, lines_of
from codetune_server.prompted.harmless import fenced, harmless, harmless_words
from codetune_server.prompted.place import Place

_AS_CODE = frozenset({*QUOTES, "code", "replacement"})
_UNSAFE = re.compile(r"[\s<>\\]")
"""What ends a link's address (CommonMark 0.31, section 6.3); clients write URIs as they like."""


def page(  # noqa: PLR0913, PLR0917 - what stands on it
    title: str, output: str, document: Document, place: Place, signed: str, cited: Mapping[str, Range] | None = None
) -> str:
    """Return the page.

    Args:
        title: its heading.
        output: the answer, or what there is of it.
        document: the one that was asked about.
        place: the part of it.
        signed: says which prompt and which model it is from.
        cited: where its quotes stand; None as long as that is not known.
    """
    name = _escaped(document.name or "this file")
    body = "\n\n".join(part for part in _Parts(document, cited).of(output) if part)
    about = f"[{name}, {_words(place.range)}]({_link(document, place.range)})"
    return f"# {_escaped(title)}\n\n{about}\n\n{body}\n\n_{_escaped(signed)}_"


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>$~])", r"\\\1", sentence(text))


def _link(document: Document, at: Range) -> str:
    first, last = lines_of(at)
    uri = _UNSAFE.sub(lambda found: percent_encoded(found[0]), document.uri)
    return f"<{uri}#L{first}{'' if first == last else f'-L{last}'}>"


def _words(at: Range) -> str:
    first, last = lines_of(at)
    return f"line {first}" if first == last else f"lines {first} to {last}"


class _Parts:
    """Answers of any schema, read by what their fields are called."""

    def __init__(self, document: Document, cited: Mapping[str, Range] | None) -> None:
        self._document = document
        self._is_draft = cited is None
        self._cited = cited or {}

    def of(self, output: str) -> Iterator[str]:
        answer = answered(output)
        if not isinstance(answer, dict):
            yield harmless(output)
        elif list(answer) == ["findings"] and isinstance(answer["findings"], list):
            yield from self._findings([each for each in answer["findings"] if isinstance(each, dict)])
        else:
            yield from self._fields(answer)

    def _findings(self, findings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        """Show what the code bears out: a claim about code that is not there is left out, and counted."""
        if self._is_draft:
            yield f"{len(findings)} found until now."
            return
        known = [(at, claim) for claim in findings if (at := self._cited.get(str(claim.get("quote"))))]
        for at, claim in sorted(known, key=lambda each: each[0]):
            what = ", ".join(str(claim[name]) for name in ("rule", "cwe", "severity") if claim.get(name))
            said = harmless_words(sentence(what))
            remedy = f"\n\n  {_indented(harmless(str(claim['remedy'])))}" if claim.get("remedy") else ""
            yield f"- {self._at(at)} ({said}): {_indented(harmless_words(str(claim.get('message'))))}{remedy}"
        if not known:
            yield "Nothing was found."
        if left_out := len(findings) - len(known):
            yield f"_{left_out} of the model's claims left out: what they quote is not in the code._"

    def _fields(self, answer: Mapping[str, Any]) -> Iterator[str]:
        for name, value in answer.items():
            if value in (None, "", [], {}) or isinstance(value, bool):
                continue
            heading = "" if isinstance(value, str) else f"**{_escaped(name.replace('_', ' ').capitalize())}**\n\n"
            if name == "citations" and isinstance(value, list):
                yield heading + "\n".join(self._citation(each) for each in value if isinstance(each, dict))
            else:
                is_text = isinstance(value, str) and name not in _AS_CODE
                yield harmless(value) if is_text else heading + self._shown(name, value)

    def _citation(self, citation: Mapping[str, Any]) -> str:
        """Show a quote with a link to where it stands; one that stands nowhere is said to."""
        quote = str(citation.get("quote", ""))
        at = self._cited.get(quote)
        nowhere = "cited:" if self._is_draft else "not found in the code:"
        return f"- {self._at(at) if at else nowhere}{_indented(fenced(quote).rstrip())}"

    def _shown(self, name: str, value: Any) -> str:
        if isinstance(value, list):
            return "\n".join(f"- {_indented(self._shown(name, each))}" for each in value)
        if isinstance(value, dict):
            return "; ".join(f"{_escaped(key)}: {self._shown(key, each)}" for key, each in value.items() if each)
        if name in QUOTES and (at := self._cited.get(str(value))):
            return self._at(at)
        return fenced(str(value)) if name in _AS_CODE else harmless_words(str(value))

    def _at(self, at: Range) -> str:
        return f"[{_words(at)}]({_link(self._document, at)})"


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")
