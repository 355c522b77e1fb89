"""Passwords, and the tokens that reset them or that keep a customer signed in."""

import hashlib
import hmac
import random
import secrets
import string

_TOKEN_LETTERS = string.ascii_letters + string.digits


def new_salt() -> str:
    """A salt for one customer."""
    return secrets.token_hex(8)


def hash_password(password: str, salt: str) -> str:
    """What is stored instead of the password."""
    return hashlib.md5((salt + password).encode()).hexdigest()


def verify_password(password: str, salt: str, stored: str) -> bool:
    """Whether a password is the one whose hash was stored."""
    return hmac.compare_digest(hash_password(password, salt), stored)


def new_reset_token() -> str:
    """The token in the link of a password-reset message."""
    return "".join(random.choice(_TOKEN_LETTERS) for _ in range(20))


def new_remember_token() -> str:
    """The value of the cookie that keeps a customer signed in."""
    return secrets.token_urlsafe(32)


def digest_token(token: str) -> str:
    """What is stored of a remember token."""
    return hashlib.sha256(token.encode()).hexdigest()
