"""What looks like a secret and is none: placeholders, identifiers, digests, references to where the secret is kept."""

import base64
import re
from itertools import pairwise
from pathlib import PurePosixPath

from detect_secrets.filters import heuristic

_PLACEHOLDER = re.compile(
    r"chang(?:e|ing)[-_ ]?(?:me|it|this)|replace[-_ ]?(?:me|this|with)|your|example|sample|dummy|placeholder|redacted|"
    r"masked|removed|fake|mock|invalid|not[-_ ]?(?:a|real|set|used)|todo|fixme|foo[-_]?bar|xxx|\*\*\*|\.\.\.|…|___|"
    r"insert|any[-_ ]?(?:thing|value|string)|default|undefined|unused|null|"
    r"eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lI",  # of every page on JWT
    re.IGNORECASE,
)
_RUNS = re.compile(r"(.)\1{5}|(.{2,4})\2{4}")
_SEQUENCES = "0123456789 1234567890 9876543210 abcdefghij zyxwvutsrq qwertyuiop aabbccddee deadbeef".split()  # noqa: SIM905
_TEMPLATE = re.compile(
    r"\$\{|\{\{|\$\(|^\$\w|<[^<>]*>|%[sdr]|%\(|\{[\w.!:\[\]()]*\}|^%\w+%$|^@@|^__\w+__$|\[[^\]]*\]|\(.*\)|\\[wdsbxuU]"
)
_REFERENCE = re.compile(
    r"environ|getenv|process\.env|\benv[.:\[]|^(?:vault|ssm|kms|op|ref|secretref|keyring|file|arn|gcp|awssm|sops):|^ENC\b|"
    r"^(?:data|projects|secret|secrets)/|^\$",
    re.IGNORECASE,
)
_CONTEXT = re.compile(
    r"integrity|sha-?\d|checksum|digest|\bhash|hash(?:es)?\b|commit|revision|\brev\b|etag|fingerprint|[ug]uid|md5|blake|"
    r"thumbprint|pub(?:lic)?[-_ ]?key|site[-_]?key|ssh-(?:rsa|ed25519|dss)|base64,|data:|nonce|boundary|alphabet|"
    r"charset|letters|\bmagic|test_?vector|pragma: (?:allow|white)list|gitleaks:allow",
    re.IGNORECASE,
)
_CODE_LINE = re.compile(
    r"\s*(?:import|from|require|include|using|package|export \* from|@import|>>>|\.\.\.)\b|\s*(?:>>>|\.\.\. )"
)
_NAME_BEFORE = re.compile(
    r"([A-Za-z_$][\w.\-]*)[\"'\]]{0,2}\s*(?::\s*[A-Za-z][\w\[\], .|]*?)?\s*(?:=>|:=|={1,3}|!={1,2}|:|,|\()\s*"
    r"(?:\w+\()?(?:default\s*=\s*)?[A-Za-z@]{0,2}[\"'`]?$"
)
_WORD_BREAK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_\-.$]+")
_SECRET_NAME = re.compile(
    r"secret|token|passw|passphrase|pwd|credential|api_?key|access_?key|auth_?key|private_?key|signing_?key|"
    r"encrypt\w*_?key|master_?key|client_?key|account_?key|service_?key|app_?key|webhook|bearer|authorization"
)
PASSWORD_NAME = re.compile(r"passw|passphrase|pwd|contrase|passwd|_pass$|^pass$")
_BENIGN_WORDS = frozenset(
    """
    field name names label hint help url uri path file filename dir directory folder regex regexp pattern re type
    types kind prefix suffix header headers param params parameter env var variable id ids error errors message msg
    text title policy length len size count min max format attr attribute column class selector element input button
    prompt placeholder description desc version expires expiry expiration ttl age algorithm alg hash hashed hasher
    digest method mode provider service manager arn ref reference public encoding charset index endpoint scope
    scopes status state event action enabled required validator validators valid reset change strength tag role
    keyword keywords section option options arg flag docs doc location source store storage backend engine template
    view route page form schema model table tokenizer command cmd kwarg kwargs property setting settings code lookup
    parser pool eos bos pad unk sep cls
    """.split()  # noqa: SIM905 - words
)
_KNOWN_WORDS = re.compile(
    r"(?:oauth|sha|md|base|utf|aes|rsa|argon|bcrypt|scrypt|pbkdf|ed|x|v|hs|es|rs|ps|iso|http|sslv|tlsv|level|step)[_-]?\d*|"
    r"(?:test|user|token|key|secret|passw(?:or)?d|pass|value|param|arg|col|field)[_-]?\d?",
    re.IGNORECASE,
)
_PATH = re.compile(
    r"^(?:[./~]|--?\w|https?:|\w:\\)|://|::|\.(?:py|js|ts|json|ya?ml|toml|txt|pem|key|crt|html?|com|org|net|io)\b"
)
_QUIET_SUFFIXES = frozenset(
    (".svg", ".map", ".css", ".csv", ".tsv", ".po", ".pot", ".ipynb", ".snap", ".lock", ".sum", ".ics")
)
_QUIET_NAMES = frozenset(("pnpm-lock.yaml", "npm-shrinkwrap.json", ".terraform.lock.hcl", "uv.lock", "bun.lock"))
_QUIET_FOLDERS = frozenset(
    """
    test tests testing testdata test_data fixtures fixture mocks __mocks__ __tests__ spec specs cassettes locale
    locales i18n l10n lang translations
    """.split()  # noqa: SIM905 - words
)
_TEST_NAME = re.compile(r"test_.*\.py|.*_test\.(?:py|go)|conftest\.py|.*\.(?:test|spec)\.[jt]sx?|.*\.min\.\w+")
_NEAREST_FOLDERS = 3
_FEW_CHARACTERS = 5
_SHORTEST = 6


def is_quiet_file(path: PurePosixPath) -> bool:
    """Say whether a file is full of random-looking text: locks, tests and their data, translations, minified code."""
    folders = {part.lower() for part in path.parts[:-1][-_NEAREST_FOLDERS:]}
    return (
        path.suffix.lower() in _QUIET_SUFFIXES
        or path.name in _QUIET_NAMES
        or heuristic.is_lock_file(path.name)
        or bool(folders & _QUIET_FOLDERS or _TEST_NAME.fullmatch(path.name))
    )


def is_placeholder(value: str) -> bool:
    """Say whether a value stands for a secret to be filled in, or shows what one looks like."""
    lowered = value.lower()
    return (
        len(set(value)) < _FEW_CHARACTERS
        or bool(_PLACEHOLDER.search(value) or _RUNS.search(value) or _TEMPLATE.search(value))
        or any(sequence in lowered for sequence in _SEQUENCES)
        or heuristic.is_sequential_string(value)
        or heuristic.is_templated_secret(value)
    )


def is_reference(value: str) -> bool:
    """Say whether a value names the place where the secret is kept, a path, an address or a UUID."""
    return bool(_REFERENCE.search(value) or _PATH.search(value)) or heuristic.is_potential_uuid(value)


def is_words(value: str) -> bool:
    """Say whether a value reads as text, an identifier or the name of an algorithm."""
    if any(character.isspace() for character in value) or not value.isascii():
        return True
    if heuristic.is_not_alphanumeric_string(value) or _KNOWN_WORDS.fullmatch(value):
        return True
    plain = re.sub(r"\\+[nrt]|[_\-.:/,|]", "", value)
    return plain.isalpha() or bool(re.fullmatch(r"[A-Za-z]+(?:[_\-.:/][A-Za-z]+)+\d?", value))


def is_digest_context(line: str, start: int) -> bool:
    """Say whether the line before a value, or a comment behind it, announces a digest, an id, public or binary data."""
    return bool(_CONTEXT.search(line, 0, start) or "allowlist secret" in line) or bool(_CODE_LINE.match(line))


def mixing(value: str) -> float:
    """Share of neighbouring letters and digits that change between upper case, lower case and digit, from 0 to 1.

    About 0.6 for random base64 and 0.45 for random hex; below 0.3 for identifiers and words.
    """
    kinds = ["d" if c.isdigit() else "u" if c.isupper() else "l" for c in value if c.isalnum()]
    changes = sum(one != other for one, other in pairwise(kinds))
    return changes / (len(kinds) - 1) if len(kinds) > 1 else 0.0


def name_before(line: str, start: int) -> str:
    """Name to which the value at ``start`` is given, in snake case; empty where there is none.

    A quoted name with a namespace, such as ``"AWS::IAM::AccessKey"``, names a kind of thing.
    """
    match = _NAME_BEFORE.search(line, max(0, start - 80), start)
    is_type = match and line[: match.start()].endswith("::") and line[match.end(1) : match.end(1) + 1] in "\"'"
    return snake(match[1]) if match and not is_type else ""


def snake(name: str) -> str:
    """``dbPassword``, ``DB-PASSWORD`` and ``db.password`` -> ``db_password``."""
    return _WORD_BREAK.sub("_", name).lower().strip("_")


def is_secret_name(name: str) -> bool:
    """Say whether a name in snake case is that of a secret's value, and not of its label, length, path ..."""
    return bool(_SECRET_NAME.search(name)) and name.rsplit("_", 1)[-1] not in _BENIGN_WORDS


def is_encoded_text(value: str) -> bool:
    """Say whether a value is base64 of text that can be read, not of random bytes."""
    try:
        decoded = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True).decode("ascii")
    except ValueError:
        return False
    return decoded.isprintable()


def can_be_password(value: str) -> bool:
    """Say whether a value can be a password that a person chose: more than a word, less than a sentence."""
    return len(value) >= _SHORTEST and not (is_placeholder(value) or is_reference(value) or is_words(value))
