"""Names that stand for secrets: the same one for the same secret in every request of a user."""

import hashlib
import hmac
import os
import re
import secrets
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from codetune_core.errors import OutboundRefused

PREFIX = "CODETUNE_SECRET_"
PLACEHOLDER = re.compile(PREFIX + r"(?:[0-9a-f]{10})+")
_DIGITS = 10
_KEY_BYTES = 32
_KEY_FILE = "placeholder.key"


class Placeholders:
    """Names by a key of the user's own, without which nobody can try out which secret a name stands for."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def name(self, secret: str, is_taken: Callable[[str], bool] = lambda _: False) -> str:
        """Return what stands for a secret: an identifier, so that it is kept in code, longer where that is taken."""
        digits = self._digits("secret", secret)
        lengths = range(_DIGITS, len(digits), _DIGITS)
        return next(
            (name for length in lengths if not is_taken(name := PREFIX + digits[:length])),
            PREFIX + digits[: lengths[-1]],
        )

    def pseudonym(self, text: str) -> str:
        """Return what stands for an id of the user's own; empty for none."""
        return self._digits("id", text)[:32] if text else ""

    def _digits(self, use: str, text: str) -> str:
        message = f"{use}:{text}".encode("utf-8", "surrogatepass")
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()


def user_key(folder: Path) -> bytes:
    """Return the key that the user's state folder holds, made when it is first asked for, readable by nobody else.

    Raises OutboundRefused where it can be neither read nor made.
    """
    path = folder / _KEY_FILE
    try:
        if not path.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _make(path)
        key = path.read_bytes()
    except OSError as error:
        raise OutboundRefused(f"nothing is sent: {path} cannot be read or made: {error.strerror or error}") from error
    if len(key) != _KEY_BYTES:
        raise OutboundRefused(f"nothing is sent: {path} is damaged; remove it, and another one is made")
    return key


def _make(path: Path) -> None:
    """Write a key under another name, then give it its own where no other process was first."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # its mode is 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
        with suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()
