"""Fixes for hash functions in which two texts with the same digest can be made."""

import re
from collections.abc import Iterator

import libcst as cst

from codetune_core.domain.fix import Applicability
from codetune_core.fixes.registry import Proposal, fixes
from codetune_core.fixes.site import Site, argument, unpacks, with_argument
from codetune_core.fixes.words import words_around

_WEAK = ("md4", "md5", "sha", "sha1")
_CHECKSUM = frozenset(
    (
        "cache",
        "cached",
        "caching",
        "etag",
        "checksum",
        "fingerprint",
        "bucket",
        "shard",
        "dedupe",
        "dedup",
        "duplicate",
        "duplicates",
        "gravatar",
        "avatar",
        "partition",
        "hashring",
        "md5sum",
        "content",
        "identicon",
        "digest256",
        "memo",
        "memoize",
    )
)
_SECRET = frozenset(
    (
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "secret",
        "token",
        "signature",
        "sign",
        "signed",
        "auth",
        "login",
        "credential",
    )
)
_STRONGER = "The digest changes: values that were stored or sent before no longer match."
_PASSWORD = (
    f"{_STRONGER} For passwords no plain hash is enough: use `hashlib.scrypt`, or argon2 or bcrypt, with a salt of its "
    "own for each password."
)
_NOT_SECURITY = (
    "Says that nothing depends on the digest being unforgeable, as in a cache key or a checksum against accidents. "
    "The digest stays the same. Python 3.9 or later."
)


@fixes("S324")
def hashlib_functions(site: Site) -> Iterator[Proposal]:
    """``hashlib.md5(data)`` -> ``hashlib.sha256(data)``, or with ``usedforsecurity=False``."""
    call = site.call("hashlib.new", *(f"hashlib.{name}" for name in _WEAK))
    if call is None:
        return
    words = words_around(site, call)
    proposals = [*_sha256(site, call, words)]
    if not words & _SECRET:
        proposals += _not_for_security(site, call)
    yield from reversed(proposals) if words & _CHECKSUM and not words & _SECRET else proposals


@fixes("S303")
def other_libraries(site: Site) -> Iterator[Proposal]:
    """``MD5.new(data)`` of PyCryptodome, ``hashes.MD5()`` of cryptography -> SHA-256."""
    call = site.call()
    name = site.imports.qualified(call.func) if call else ""
    match = re.fullmatch(
        r"(?P<module>Crypto(?:dome)?\.Hash|cryptography\.hazmat\.primitives\.hashes)\.(?:MD\d|SHA1?)(?P<new>\.new)?",
        name,
    )
    if call is None or match is None:
        return
    reference = site.imports.reference(match["module"], "SHA256")
    if reference is None:
        return
    edit = site.replace(call.func, f"{reference.code}{match['new'] or ''}")
    yield Proposal("hash with SHA-256", Applicability.UNSAFE, (edit,), (reference,), _STRONGER)


def _sha256(site: Site, call: cst.Call, words: frozenset[str]) -> Iterator[Proposal]:
    title, note = "hash with SHA-256", _PASSWORD if words & {"password", "passwd", "pwd", "passphrase"} else _STRONGER
    if site.imports.qualified(call.func) == "hashlib.new":
        name = argument(call, "name", 0)
        if name and isinstance(name.value, cst.SimpleString):
            quote = name.value.quote
            yield Proposal(title, Applicability.UNSAFE, (site.replace(name.value, f"{quote}sha256{quote}"),), note=note)
        return
    reference = site.imports.reference("hashlib", "sha256")
    if reference:
        yield Proposal(title, Applicability.UNSAFE, (site.replace(call.func, reference.code),), (reference,), note)


def _not_for_security(site: Site, call: cst.Call) -> Iterator[Proposal]:
    if unpacks(call):
        return
    edit = site.replace(call, with_argument(call, "usedforsecurity", "False"))
    yield Proposal("say that the hash is not for security", Applicability.SAFE, (edit,), note=_NOT_SECURITY)
