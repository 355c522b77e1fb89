"""From the bytes of a file to a Document and back, byte for byte where the text is the same."""

import codecs
import io
import os
import tokenize
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from codetune_core.domain.document import Document, language_of
from codetune_core.errors import UnreadableFile

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HEAD = 8192
"""Bytes within which a NUL means that a file is binary; git looks at as many (buffer_is_binary)."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as it was read.

    Attributes:
        path: where it was read from.
        document: its text, line ends as they are, without the byte order mark.
        data: its bytes.
        encoding: name of the codec.
        mark: the byte order mark, empty where it had none.
    """

    path: Path
    document: Document
    data: bytes
    encoding: str
    mark: bytes = b""

    def encode(self, text: str) -> bytes:
        """Bytes of another text in this file's encoding; raises UnicodeEncodeError where it cannot hold it."""
        return self.mark + text.encode(self.encoding)


def read_bytes(path: Path) -> bytes:
    """The bytes of a regular file; raises UnreadableFile with what is wrong."""
    try:
        # Opening a named pipe would wait for a writer, so the kind is looked at first.
        if not S_ISREG(path.stat().st_mode):
            raise UnreadableFile("is not a regular file")
        return path.read_bytes()
    except OSError as error:
        raise UnreadableFile(_said(error)) from error


def read(path: Path) -> SourceFile:
    """Read a text file; raises UnreadableFile with what is wrong."""
    return decode(path, read_bytes(path))


def decode(path: Path, data: bytes) -> SourceFile:
    """Bytes to text: by the byte order mark, the coding comment of Python (PEP 263), or as UTF-8.

    Raises UnreadableFile where they are not text.
    """
    mark, encoding = next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", "utf-8"))
    if not mark and is_binary(data):
        raise UnreadableFile("is binary, not text")
    language = _language(path, data)
    if language == "python" and encoding == "utf-8":
        encoding = _declared(data)
    try:
        text = data[len(mark) :].decode(encoding)
    except (UnicodeError, LookupError) as error:
        raise UnreadableFile(_misdecoded(error, encoding, mark)) from error
    if "\0" in text[:_HEAD]:
        raise UnreadableFile("is binary, not text")
    uri = Path(os.path.abspath(path)).as_uri()  # noqa: PTH100 - links stay links
    return SourceFile(path, Document(uri, text, language), data, encoding, mark)


def is_binary(data: bytes) -> bool:
    """Say whether bytes without a byte order mark look like no text at all: a NUL near their start."""
    return b"\0" in data[:_HEAD] and not any(data.startswith(mark) for mark, _ in _MARKS)


def _language(path: Path, data: bytes) -> str:
    first = data[:128].partition(b"\n")[0]
    if not path.suffix and first.startswith(b"#!") and b"python" in first:
        return "python"
    return language_of(path)


def _declared(data: bytes) -> str:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError as error:
        if str(error.msg).startswith("invalid or missing"):
            return "utf-8"  # the decoding says at which byte
        raise UnreadableFile(f"does not say a usable encoding: {error.msg}") from error
    return "utf-8" if encoding == "utf-8-sig" else encoding


def _misdecoded(error: Exception, encoding: str, mark: bytes) -> str:
    if isinstance(error, UnicodeDecodeError):
        place = f"byte 0x{error.object[error.start]:02x} at offset {error.start + len(mark)}"
        return f"is not {encoding.upper()}: {place} has no meaning there; save it as UTF-8"
    return f"cannot be decoded as {encoding}: {error}"


def _said(error: OSError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "does not exist"
    if isinstance(error, PermissionError):
        return "cannot be read: no permission"
    return f"cannot be read: {(error.strerror or str(error)).lower()}"
