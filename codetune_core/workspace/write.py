"""Writes a changed text back to its file: atomically, in its encoding, and only over what was read."""

import contextlib
import os
import tempfile
from pathlib import Path

from codetune_core.errors import CodeTuneError
from codetune_core.workspace.read import SourceFile


def rewrite(source: SourceFile, text: str) -> None:
    """Replace a file's text, keeping encoding, byte order mark, line ends, mode and the link that leads to it.

    Raises CodeTuneError, the file untouched, where it changed since it was read or cannot be written.
    """
    data = _encoded(source, text)
    try:
        target = source.path.resolve(strict=True)
        if target.read_bytes() != source.data:
            raise CodeTuneError("changed on the disk while it was reviewed, so it was left as it is; run this again")
        replace_file(target, data)
    except OSError as error:
        raise CodeTuneError(f"cannot be written: {(error.strerror or str(error)).lower()}") from error


def replace_file(target: Path, data: bytes) -> None:
    """Write a file in one step, so that nobody ever sees half of it; raises OSError.

    An existing file's mode and owner are kept.
    """
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _take_over(target, name)
        os.replace(name, target)  # noqa: PTH105 - `name` is a string
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)  # noqa: PTH108 - `name` is a string
        raise


def _encoded(source: SourceFile, text: str) -> bytes:
    try:
        faithful = source.encode(source.document.text) == source.data
        data = source.encode(text)
    except UnicodeError as error:
        raise CodeTuneError(f"cannot be written as {source.encoding}: {error}") from error
    if not faithful:
        raise CodeTuneError(f"its {source.encoding} text cannot be written back byte for byte, so it was left as it is")
    return data


def _take_over(target: Path, name: str) -> None:
    try:
        status = target.stat()
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)  # noqa: PTH101 - `name` is a string
        return
    if hasattr(os, "chown"):
        with contextlib.suppress(PermissionError):
            os.chown(name, status.st_uid, status.st_gid)
    os.chmod(name, status.st_mode & 0o7777)  # noqa: PTH101 - last, since a new owner takes bits away
