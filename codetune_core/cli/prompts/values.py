"""Values of variables as they are written on the command line: ``name=value``, ``name=@file``, ``name=-``."""

import sys
from collections.abc import Iterable
from pathlib import Path

import click


def read_values(assignments: Iterable[str]) -> dict[str, str]:
    """Return the text of each variable; a value that begins with ``@`` itself is written with ``@@``.

    Raises click.UsageError for what assigns nothing, for a file that cannot be read, and where two variables want the
    standard input.
    """
    values: dict[str, str] = {}
    from_stdin = ""
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name:
            raise click.UsageError(f"{assignment!r} gives no value: write --var NAME=VALUE, NAME=@FILE or NAME=-")
        if name in values:
            raise click.UsageError(f"{name} is given twice")
        if value == "-" and from_stdin:
            raise click.UsageError(f"{from_stdin} and {name} cannot both be read from the standard input")
        from_stdin = name if value == "-" else from_stdin
        values[name] = _text(value, name)
    return values


def files_read(assignments: Iterable[str]) -> tuple[str, ...]:
    """Return the absolute paths of the files that values are read from."""
    values = [assignment.partition("=")[2] for assignment in assignments]
    named = [value[1:] for value in values if value.startswith("@") and not value.startswith("@@")]
    return tuple(str(Path(name).absolute()) for name in named)


def _text(value: str, name: str) -> str:
    if value == "-":
        return _decoded(sys.stdin.buffer.read(), name)
    if value.startswith("@@"):
        return value[1:]
    if not value.startswith("@"):
        return value
    try:
        return _decoded(Path(value[1:]).read_bytes(), name)
    except OSError as error:
        raise click.UsageError(
            f"{name}: {value[1:]} cannot be read: {(error.strerror or str(error)).lower()}"
        ) from None


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{name}: what it is read from is not UTF-8 (byte {error.start + 1})") from None
