"""An answer as a page of Markdown: what it is about, what was answered, by whom; places in the code are links."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic_core import from_json

from codetune_core.domain.document import Document
from codetune_core.domain.text import split_lines
from codetune_server.prompted.place import Place

_CODE = re.compile(
    r"^ {0,3}(`{3,}(?=[^`\n]*$)|~{3,})[^\n]*\n.*?(?:^ {0,3}\1[`~]*[ \t]*$|\Z)"
    r"|(?<![\\`])(`+)(?!`)(?:(?!\n[ \t]*\n).)*?(?<!`)\2(?!`)",
    re.MULTILINE | re.DOTALL,
)
"""Blocks in fences and code spans (CommonMark 0.31, sections 4.5 and 6.1)."""
_HTML = re.compile(r"<(?=[A-Za-z/!?])")
_IMAGE = re.compile(r"!(?=\[)")
_QUOTED = "quote"
_LINE = 1


def page(title: str, output: str, document: Document, place: Place, signed: str) -> str:
    """Return the page; ``signed`` says which prompt and which model it is from."""
    first = place.range.start.line + _LINE
    last = max(first, place.range.end.line + (place.range.end.column > 0))
    name, link = _escaped(document.name or "this file"), _link(document, first)
    lines = f"line {first}" if first == last else f"lines {first} to {last}"
    body = "\n\n".join(part for part in _Parts(document, place).of(output) if part)
    return f"# {_escaped(title)}\n\n[{name}, {lines}]({link})\n\n{body}\n\n_{_escaped(signed)}_"


def harmless(markdown: str) -> str:
    """Return what a model wrote so that showing it fetches nothing: no image, no HTML, outside of code."""
    pieces, done = [], 0
    for code in _CODE.finditer(markdown):
        pieces += [_plain(markdown[done : code.start()]), code[0]]
        done = code.end()
    return "".join([*pieces, _plain(markdown[done:])])


def _plain(text: str) -> str:
    return _IMAGE.sub(r"\\!", _HTML.sub("&lt;", text))


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>])", r"\\\1", text)


def _link(document: Document, line: int) -> str:
    return f"<{document.uri}#L{line}>"


class _Parts:
    """Answers of any schema, read by what their fields are called."""

    def __init__(self, document: Document, place: Place) -> None:
        self._document = document
        self._place = place

    def of(self, output: str) -> Iterator[str]:
        try:
            answer = from_json(output, allow_partial="trailing-strings") if output.startswith("{") else None
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            yield harmless(output)
        elif list(answer) == ["findings"]:
            yield from self._findings(answer["findings"])
        else:
            yield from self._fields(answer)

    def _findings(self, findings: Iterable[Mapping[str, Any]]) -> Iterator[str]:
        """Show what the code bears out: a claim about code that is not there is left out, and counted."""
        known = [(line, claim) for claim in findings if (line := self._line(claim.get(_QUOTED)))]
        for line, claim in sorted(known, key=lambda each: each[0]):
            what = ", ".join(str(claim[name]) for name in ("rule", "cwe", "severity") if claim.get(name))
            remedy = f"\n\n  {_indented(harmless(claim['remedy']))}" if claim.get("remedy") else ""
            yield f"- {self._at(line)} ({_escaped(what)}): {_indented(harmless(str(claim.get('message'))))}{remedy}"
        if not known:
            yield "Nothing was found."
        if left_out := len(list(findings)) - len(known):
            yield f"_{left_out} of the model's claims left out: what they quote is not in the code._"

    def _fields(self, answer: Mapping[str, Any]) -> Iterator[str]:
        for name, value in answer.items():
            if value in (None, "", [], {}) or isinstance(value, bool):
                continue
            heading = "" if isinstance(value, str) else f"**{_escaped(name.replace('_', ' ').capitalize())}**\n\n"
            yield heading + self._shown(name, value)

    def _shown(self, name: str, value: Any) -> str:
        if isinstance(value, list):
            return "\n".join(f"- {_indented(self._shown(name, each))}" for each in value)
        if isinstance(value, dict):
            return "; ".join(f"{key}: {self._shown(key, each)}" for key, each in value.items() if each)
        if name == _QUOTED and (line := self._line(value)):
            return self._at(line)
        return _fenced(str(value)) if name in {_QUOTED, "code", "replacement"} else harmless(str(value))

    def _at(self, line: int) -> str:
        return f"[line {line}]({_link(self._document, line)})"

    def _line(self, quote: Any) -> int:
        """Return the line (from 1) on which a quote stands, where it stands there once; 0 otherwise."""
        plain = "".join(line.rstrip() + "\n" for line in split_lines(self._place.code))
        wanted = "\n".join(line.rstrip() for line in str(quote or "").splitlines()).strip()
        if not wanted or plain.count(wanted) != 1:
            return 0
        return self._place.range.start.line + plain.count("\n", 0, plain.index(wanted)) + _LINE


def _fenced(code: str) -> str:
    longest = max((len(run) for run in re.findall("`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"\n\n{fence}\n{code}\n{fence}\n"


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")
