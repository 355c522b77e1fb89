"""The documents and notebooks that are open in the editor, as the server knows them.

Changes are taken in the order of their versions, which must grow. A change that comes too late, of a document that is
not open, or that cannot be read is refused with OutOfSync, and the document has no snapshot until the editor sends its
whole text again (by opening it, or by a change without a range): better no finding than one in the wrong place. Only a
late change that carries the whole text is refused without that, because the newer text stands.
"""

import asyncio
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from urllib.parse import unquote

from lsprotocol import types

from codetune_core.domain.document import Document, language_of
from codetune_core.domain.text import Encoding, split_lines, without_end
from codetune_core.errors import CodeTuneError

Change = types.TextDocumentContentChangePartial | types.TextDocumentContentChangeWholeDocument

_SPLIT_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


class OutOfSync(CodeTuneError):  # noqa: N818 - the name says what is wrong with the document
    """The editor's text and the server's may differ; the message says what the user can do."""


class OpenDocument:
    """One open document: its lines with their ends, changed in place."""

    def __init__(self, item: types.TextDocumentItem) -> None:
        self.uri = item.uri
        # An editor whose detection of file types is off says nothing.
        self.language = item.language_id or language_of(PurePosixPath(unquote(item.uri)))
        self.version = item.version
        self.in_sync = True
        self._lines = split_lines(item.text)
        self._snapshot: Document | None = None

    def snapshot(self) -> Document:
        """The present text, the same object until the next change."""
        if self._snapshot is None:
            self._snapshot = Document(self.uri, "".join(self._lines), self.language, self.version)
        return self._snapshot

    def change(self, version: int, changes: Sequence[Change], encoding: Encoding) -> None:
        """Apply one notification's changes in their order; raises OutOfSync where they come too late."""
        whole = [at for at, change in enumerate(changes) if not _is_partial(change)]
        if self.in_sync and (version < self.version or (version == self.version and not whole)):
            self.in_sync = bool(whole)
            raise OutOfSync(_late(self.uri, version, self.version))
        if not self.in_sync and not whole:
            return
        for change in changes[whole[-1] if whole else 0 :]:
            self._apply(change, encoding)
        self.version, self.in_sync, self._snapshot = version, True, None

    def _apply(self, change: Change, encoding: Encoding) -> None:
        if isinstance(change, types.TextDocumentContentChangePartial):
            self._splice(change.range, change.text, encoding)
        else:
            self._lines = split_lines(change.text)

    def _splice(self, place: types.Range, text: str, encoding: Encoding) -> None:
        start, end = sorted((position.line, position.character) for position in (place.start, place.end))
        first, head, _ = self._cut(*start, encoding)
        last, _, tail = self._cut(*end, encoding)
        chunk = head + text + tail
        if first and chunk.startswith("\n") and self._lines[first - 1].endswith("\r"):
            first -= 1
            chunk = self._lines[first] + chunk
        lines = split_lines(_paired(chunk))
        if last + 1 < len(self._lines):
            lines.pop()
        self._lines[first : last + 1] = lines

    def _cut(self, line: int, units: int, encoding: Encoding) -> tuple[int, str, str]:
        """Number of the line, its text before a place and from it on; a place beyond the text means its end."""
        if line >= len(self._lines):
            line = len(self._lines) - 1
            return line, self._lines[line], ""
        return line, *_cut(self._lines[line], units, encoding)


class Documents:
    """Every open document by URI; keys disregard percent-encoding, which editors do not use alike."""

    def __init__(self) -> None:
        self.encoding = Encoding.UTF16
        self._open: dict[str, OpenDocument] = {}
        self._waiting: dict[str, asyncio.Event] = {}
        self._strays: set[str] = set()

    def __iter__(self) -> Iterator[str]:
        return (document.uri for document in list(self._open.values()))

    def __len__(self) -> int:
        return len(self._open)

    def open(self, item: types.TextDocumentItem) -> None:
        """Take a document's text; of a document that was open already, the new text counts."""
        key = unquote(item.uri)
        self._open[key] = OpenDocument(item)
        self._strays.discard(key)
        self._touched(key)

    def change(self, identifier: types.VersionedTextDocumentIdentifier, changes: Sequence[Change]) -> None:
        """Apply changes; raises OutOfSync, once, where the document's text is not known any more."""
        document = self._open.get(unquote(identifier.uri))
        if document:
            self._touched(unquote(identifier.uri))
            document.change(identifier.version, changes, self.encoding)
        elif unquote(identifier.uri) not in self._strays:
            self._strays.add(unquote(identifier.uri))
            raise OutOfSync(f"A change of {_name(identifier.uri)} came, which is not open. {_REOPEN}")

    def distrust(self, uri: str) -> None:
        """A change of this document could not be read: raises OutOfSync, and its text is not known any more."""
        document = self._open.get(unquote(uri))
        if document and document.in_sync:
            document.in_sync = False
            self._touched(unquote(uri))
            raise OutOfSync(f"A change of {_name(uri)} could not be read. {_REOPEN}")

    def close(self, uri: str) -> None:
        """Forget a document."""
        self._open.pop(unquote(uri), None)
        self._touched(unquote(uri))

    def language(self, uri: str) -> str | None:
        """Language identifier of an open document."""
        document = self._open.get(unquote(uri))
        return document.language if document else None

    def snapshot(self, uri: str) -> Document | None:
        """The present text of a document; None where it is not open or out of sync."""
        document = self._open.get(unquote(uri))
        return document.snapshot() if document and document.in_sync else None

    async def other_than(self, known: Document) -> None:
        """Wait until a document is not this one any more: changed, closed, or out of sync."""
        key = unquote(known.uri)
        while (present := self.snapshot(key)) and (present.version, present.text) == (known.version, known.text):
            await self._waiting.setdefault(key, asyncio.Event()).wait()

    def _touched(self, key: str) -> None:
        """Wake who waits for a change, once what is done now is done."""
        if waiting := self._waiting.pop(key, None):
            waiting.set()


_REOPEN = "Close and open it again to have it reviewed."


def _late(uri: str, version: int, known: int) -> str:
    return f"Change {version} of {_name(uri)} came after change {known} and was not applied. {_REOPEN}"


def _name(uri: str) -> str:
    return unquote(uri).rpartition("/")[2]


def _is_partial(change: Change) -> bool:
    return isinstance(change, types.TextDocumentContentChangePartial)


def _cut(line: str, units: int, encoding: Encoding) -> tuple[str, str]:
    """Cut a line at a column in the encoding's units; columns beyond its content mean the place before its end.

    A UTF-16 column inside a surrogate pair cuts the pair, as it does in an editor that counts so.
    """
    content = without_end(line)
    if encoding is Encoding.UTF32 or content.isascii():
        column = min(units, len(content))
        return line[:column], line[column:]
    end = line[len(content) :]
    codec, width = ("utf-8", 1) if encoding is Encoding.UTF8 else ("utf-16-le", 2)
    data = content.encode(codec, "surrogatepass")
    at = min(units * width, len(data))
    while encoding is Encoding.UTF8 and 0 < at < len(data) and data[at] & 0xC0 == 0x80:  # noqa: PLR2004 - UTF-8's mark of a continuation
        at -= 1
    head, tail = (part.decode(codec, "surrogatepass") for part in (data[:at], data[at:]))
    return head, tail + end


def _paired(text: str) -> str:
    """Join the halves of characters that came in two changes."""
    if text.isascii():
        return text
    return _SPLIT_PAIR.sub(lambda pair: pair[0].encode("utf-16-le", "surrogatepass").decode("utf-16-le"), text)
