"""Where functions and classes stand in languages that close their bodies with a brace, by a guess without a grammar."""

import re
from collections.abc import Iterator
from functools import lru_cache

from codetune_core.domain.document import Document
from codetune_core.findings.blanking import blanked, spans

LANGUAGES = {
    "javascript", "javascriptreact", "typescript", "typescriptreact", "go", "rust", "java", "kotlin", "php", "c", "cpp",
    "csharp", "swift",
}  # fmt: skip
_TYPE = re.compile(
    r"\b(?:class|struct|interface|trait|impl|enum|namespace|module|object|record|union|extension|protocol|type)\b"
)
_NO_DECLARATION = {
    "if", "for", "while", "switch", "match", "return", "new", "await", "go", "defer", "range", "case", "else", "in",
    "throw", "guard", "catch", "do", "yield", "typeof", "delete", "select", "until", "when", "unless",
}  # fmt: skip
_LAST_WORD = re.compile(r"(\w*+)\Z")
_MAY_STAND_BEFORE = "*)]>}{;"
_BODY = re.compile(r"[^;{}\n]*+\s*+\{")
_TYPE_BODY = re.compile(r"[^;{}()]*+\{")
_PARAMETERS = re.compile(r"\s*+(?:<[^<>(){};\n]*+>)?\(")
_ASSIGNED = re.compile(r"\s*+[:=][^;{}\n]*(?:=>|\bfunction\b[^;{}\n]*\))\s*+\{")
_BEFORE, _HEAD = 200, 1_000
"""Characters that a declaration may have before its name, and from there to its body."""

Block = tuple[int, int]
"""Offsets of the name that is declared and of the brace that closes its body."""


class Blocks:
    """The text of a document without its comments and strings, and what its braces enclose."""

    def __init__(self, document: Document) -> None:
        self._code = blanked(document.text, (span.place for span in spans(document.text, document.language)))
        self._close = self._pairs()

    def of(self, parts: tuple[str, ...]) -> list[Block]:
        """Every block of that qualified name: inside blocks of the outer names, or with these written before it."""
        found = list(self._named(parts[-1]))
        for outer in parts[:-1]:
            around = list(self._named(outer))
            found = [block for block in found if self._belongs(block, outer, around)]
        return found

    def around(self, start: int, end: int) -> list[Block]:
        """Offsets of the braces of every block around a place."""
        pairs = ((opens, closes) for opens, closes in self._close.items() if self._code[opens] == "{")
        return [(opens, closes) for opens, closes in pairs if opens <= start and end <= closes + 1]

    def _belongs(self, block: Block, outer: str, around: list[Block]) -> bool:
        inside = any(first < block[0] and block[1] <= last for first, last in around)
        return inside or re.search(rf"\b{re.escape(outer)}\b", self._before(block[0])) is not None

    def _named(self, name: str) -> Iterator[Block]:
        for found in re.finditer(rf"(?<![\w$]){re.escape(name)}(?![\w$])", self._code):
            opening = self._body(*found.span())
            if opening is not None:
                yield found.start(), self._close.get(opening, len(self._code))

    def _body(self, start: int, end: int) -> int | None:
        """Offset of the brace that opens the body; None where the name is not declared here."""
        assigned = _ASSIGNED.match(self._code, end, end + _HEAD)
        if assigned:
            return assigned.end() - 1
        before = self._before(start)
        if not self._may_declare(before.rstrip()):
            return None
        found = self._type_body(end) if _TYPE.search(before) else self._function_body(end)
        return found.end() - 1 if found and found[0].count("(") == found[0].count(")") else None

    def _before(self, offset: int) -> str:
        start = max(0, offset - _BEFORE)
        return self._code[max(self._code.rfind("\n", start, offset) + 1, start) : offset]

    @staticmethod
    def _may_declare(before: str) -> bool:
        word = _LAST_WORD.search(before[-40:])
        if word and word[1]:
            return word[1] not in _NO_DECLARATION
        return not before or before[-1] in _MAY_STAND_BEFORE

    def _type_body(self, end: int) -> re.Match[str] | None:
        return _TYPE_BODY.match(self._code, end, end + _HEAD)

    def _function_body(self, end: int) -> re.Match[str] | None:
        parameters = _PARAMETERS.match(self._code, end, end + _HEAD)
        close = self._close.get(parameters.end() - 1) if parameters else None
        return _BODY.match(self._code, close + 1, close + _HEAD) if close is not None else None

    def _pairs(self) -> dict[int, int]:
        close: dict[int, int] = {}
        opened: dict[str, list[int]] = {"}": [], ")": []}
        for found in re.finditer(r"[(){}]", self._code):
            bracket = found[0]
            if bracket in "({":
                opened["}" if bracket == "{" else ")"].append(found.start())
            elif opened[bracket]:
                close[opened[bracket].pop()] = found.start()
        return close


@lru_cache(maxsize=2)
def blocks(document: Document) -> Blocks:
    """The blocks of a document; remembered for the two asked for last."""
    return Blocks(document)
