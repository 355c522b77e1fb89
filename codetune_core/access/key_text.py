"""How a key is written: ``ctk_<id>_<secret><checksum>``, so that scanners find it and a mistyped one is told at once.

The id has 10 and the secret 43 digits of base 62, the latter 256 bits from the system's random source; the checksum is
the CRC-32 of all before it in 6 such digits (the shape of GitHub's tokens). A key is stored as its SHA-256. A slow hash
would add nothing: it makes guessing what a person thought up expensive, and nobody guesses 256 random bits.
"""

import hashlib
import re
import secrets
import string
import zlib
from dataclasses import dataclass

from pydantic import SecretStr

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ID_DIGITS = 10
_SECRET_BYTES, _SECRET_DIGITS = 32, 43
_CHECKSUM_DIGITS = 6
_KEY = re.compile(
    rf"ctk_(?P<id>[0-9A-Za-z]{{{_ID_DIGITS}}})_[0-9A-Za-z]{{{_SECRET_DIGITS}}}(?P<checksum>[0-9A-Za-z]{{{_CHECKSUM_DIGITS}}})"
)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made: ``text`` is shown once and kept nowhere."""

    id: str
    text: SecretStr

    @property
    def hash(self) -> str:
        """What is stored."""
        return key_hash(self.text.get_secret_value())


def new_key() -> NewKey:
    """Make a key."""
    key_id = "".join(secrets.choice(_DIGITS) for _ in range(_ID_DIGITS))
    secret = _base62(int.from_bytes(secrets.token_bytes(_SECRET_BYTES)), _SECRET_DIGITS)
    unchecked = f"ctk_{key_id}_{secret}"
    return NewKey(key_id, SecretStr(unchecked + _checksum(unchecked)))


def key_id(text: str) -> str:
    """Return the id in a key; empty where the text is none, or was mistyped."""
    found = _KEY.fullmatch(text)
    if found is None or found["checksum"] != _checksum(text[:-_CHECKSUM_DIGITS]):
        return ""
    return found["id"]


def key_hash(text: str) -> str:
    """Return the SHA-256 of a key in hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _checksum(text: str) -> str:
    return _base62(zlib.crc32(text.encode("ascii")), _CHECKSUM_DIGITS)


def _base62(number: int, digits: int) -> str:
    written = []
    for _ in range(digits):
        number, digit = divmod(number, len(_DIGITS))
        written.append(_DIGITS[digit])
    return "".join(reversed(written))
