"""From a SARIF location to a range of the document that the tool looked at."""

import os
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from codetune_core.detectors.sarif_rules import items, mapping, string
from codetune_core.domain.document import Document
from codetune_core.domain.text import Encoding, Position, Range, from_units, without_end

_KINDS = {"utf16CodeUnits": Encoding.UTF16, "unicodeCodePoints": Encoding.UTF32}
_UNDECLARED = {"bandit": Encoding.UTF8, "gosec": Encoding.UTF8, "ruff": Encoding.UTF32, "semgrep": Encoding.UTF32}
"""What tools count that do not say so: bandit and gosec bytes, as their parsers do, the others characters."""
_MOST_HOPS = 8


class Places:
    """Ranges of one run's locations in one document."""

    def __init__(self, run: dict[str, Any], document: Document, copy: Path) -> None:
        self._document = document
        self._copy = copy
        self._artifacts = [mapping(artifact) for artifact in items(run.get("artifacts"))]
        self._bases = mapping(run.get("originalUriBaseIds"))
        tool = string(mapping(mapping(run.get("tool")).get("driver")).get("name")).lower().split(" ")[0]
        usual = _UNDECLARED.get(tool, Encoding.UTF16)
        self._encoding = _KINDS.get(string(run.get("columnKind")), usual)

    def own(self, location: dict[str, Any]) -> Range | None:
        """The range of a location, None where it is in another file; raises ValueError where it is malformed."""
        physical = mapping(location.get("physicalLocation"))
        uri = self._uri(mapping(physical.get("artifactLocation")))
        if not uri:
            raise ValueError("a location without a file")
        return self._range(mapping(physical.get("region"))) if self._is_own(uri) else None

    def any(self, location: dict[str, Any]) -> tuple[Range, str | None]:
        """The range of a location in any file and the file's URI, None for the document; raises ValueError."""
        place = self.own(location)
        if place is not None:
            return place, None
        physical = mapping(location.get("physicalLocation"))
        uri, region = self._uri(mapping(physical.get("artifactLocation"))), mapping(physical.get("region"))
        if not uri.startswith("file:"):
            raise ValueError("a file that cannot be found from here")
        line, column = _counted(region.get("startLine")), _counted(region.get("startColumn", 1))
        end_line, end_column = _counted(region.get("endLine", line + 1)), _counted(region.get("endColumn", column + 1))
        return Range(Position(line, column), max(Position(line, column), Position(end_line, end_column))), uri

    def _uri(self, artifact: dict[str, Any]) -> str:
        """URI of an artifact, by itself or by its index, joined to its base (3.4)."""
        index = artifact.get("index")
        uri = string(artifact.get("uri"))
        if not uri and isinstance(index, int) and 0 <= index < len(self._artifacts):
            artifact = mapping(self._artifacts[index].get("location"))
            uri = string(artifact.get("uri"))
        base = string(artifact.get("uriBaseId"))
        for _ in range(_MOST_HOPS):
            if not base or urlsplit(uri).scheme:
                break
            holder = mapping(self._bases.get(base))
            uri, base = string(holder.get("uri")) + uri, string(holder.get("uriBaseId"))
        return uri

    def _is_own(self, uri: str) -> bool:
        parts = urlsplit(uri)
        path = unquote(parts.path)
        if parts.scheme not in ("", "file"):
            return False
        if not parts.scheme and not path.startswith("/"):
            return PurePosixPath(path.replace("\\", "/")).name == self._copy.name
        return os.path.realpath(path) == os.path.realpath(self._copy)

    def _range(self, region: dict[str, Any]) -> Range:
        """A region by lines and columns, by characters or by bytes (3.30); the first line where it says nothing."""
        if "startLine" in region:
            return self._by_lines(region)
        if "charOffset" in region:
            return self._by_offset(region, "char", self._encoding)
        if "byteOffset" in region:
            return self._by_offset(region, "byte", Encoding.UTF8)
        return self._shown(Position(0, 0), Position(0, 0))

    def _by_lines(self, region: dict[str, Any]) -> Range:
        first = _counted(region["startLine"])
        last = max(first, _counted(region.get("endLine", first + 1)))
        if first >= len(self._document.lines):
            raise ValueError("a line behind the end")
        last = min(last, len(self._document.lines) - 1)
        start = Position(first, self._column(first, region["startColumn"]) if "startColumn" in region else 0)
        end = Position(last, self._column(last, region["endColumn"]) if "endColumn" in region else self._width(last))
        return self._shown(start, end)

    def _by_offset(self, region: dict[str, Any], kind: str, encoding: Encoding) -> Range:
        start, length = region[f"{kind}Offset"], region.get(f"{kind}Length", 0)
        if not isinstance(start, int) or not isinstance(length, int) or start < 0 or length < 0:
            raise ValueError("an offset that is no number")
        ends = [len(_cut(self._document.text, units, encoding)) for units in (start, start + length)]
        return self._shown(self._document.position(ends[0]), self._document.position(ends[1]))

    def _shown(self, start: Position, end: Position) -> Range:
        """The range without blanks around it; an empty one becomes the rest of its line, or the line."""
        if end <= start:
            end = Position(start.line, self._width(start.line))
        document = self._document
        text = document.slice(Range(start, end))
        if not text.strip():
            width = self._width(start.line)
            indent = len(document.lines[start.line][:width]) - len(document.lines[start.line][:width].lstrip())
            return Range.of(start.line, indent, start.line, width)
        first = document.offset(start) + len(text) - len(text.lstrip())
        return Range(document.position(first), document.position(first + len(text.strip())))

    def _column(self, line: int, column: Any) -> int:
        return from_units(self._document.lines[line], _counted(column), self._encoding)

    def _width(self, line: int) -> int:
        return len(without_end(self._document.lines[line]).rstrip())


def _counted(number: Any) -> int:
    """A number that counts from 1 -> one that counts from 0; raises ValueError."""
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise ValueError("a line or column that is no number from 1")
    return number - 1


def _cut(text: str, units: int, encoding: Encoding) -> str:
    """The first so many units of a text."""
    if encoding is Encoding.UTF32:
        return text[:units]
    codec, size = ("utf-8", 1) if encoding is Encoding.UTF8 else ("utf-16-le", 2)
    return text.encode(codec, "surrogatepass")[: units * size].decode(codec, "ignore")
