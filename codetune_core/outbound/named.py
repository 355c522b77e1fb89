"""Values that are given to the name of a secret: in code, settings, markup, addresses, headers and command lines."""

import re
from collections.abc import Iterator

from codetune_core.detectors import secret_filters as filters
from codetune_core.outbound.redact import Span

_NAMED = (
    r"(?:secret|token|passw|passphrase|passcode|pwd|credential|bearer|authorization|webhook|_pass\b|\bpass\b|"
    r"(?:api|access|auth|private|signing|encryption|master|client|account|service|app|secret|license|subscription)"
    r"[_-]?key|contrase)"
)
_WORDS = ("secret", "token", "pass", "pwd", "credential", "key", "bearer", "authorization", "webhook", "contrase")
_ANCHOR = re.compile("|".join(_WORDS), re.IGNORECASE)
_BEFORE, _AFTER = re.compile(r"[A-Za-z0-9_$.-]{0,60}\Z"), re.compile(r"[\w.$-]{0,60}")
_BEFORE_CHARS = 60
_QUOTED = re.compile(
    r"[\"'\]\\]{0,4}\s*(?::\s*[A-Za-z][\w\[\], .|]{0,40}?)?\s*(?:=>|:=|={1,3}|!={1,2}|:|,)\s*"
    r"(?:\w{0,20}\(\s*)?(?:default\s*=\s*)?[A-Za-z@]{0,2}"
    r"(?P<quote>\\?[\"'`]{1,3})(?P<value>(?:(?!(?P=quote))[^\n])+)(?P=quote)?"
)
_BARE = re.compile(r"(?:[\"'\]\\]{0,2}[ \t]*[=:][ \t]*|(?<=[a-z])[ \t]+)(?P<value>[^\s\"'`,;<>\\]{6,})")
_DOTENV = re.compile(
    r"^[ \t]*(?:export[ \t]+|ENV[ \t]+|set[ \t]+|-[ \t]+)?(?P<name>[A-Z][A-Z0-9_]{2,})="
    r"(?P<value>[^\s\"'#]{3,}[^\s\"'#,;(){}\[\]\\])[ \t]*$",
    re.MULTILINE,
)
_ELEMENT = re.compile(
    rf"<(?P<name>[\w.:-]{{0,40}}{_NAMED}[\w.:-]{{0,40}})(?:\s[^<>]*)?>\s*(?P<value>[^<>\s][^<>\n]*?)\s*</",
    re.IGNORECASE,
)
_PAIR = re.compile(
    r"(?:key|name)\s*=\s*[\"'](?P<name>[\w.:-]{1,80})[\"']\s+value\s*=\s*[\"'](?P<value>[^\"'\n]+)", re.IGNORECASE
)
_URL = re.compile(r"://(?P<user>[^\s:/@\"'`<>]*):(?P<value>[^\s/\"'`<>]+)@(?=[\w\[{$])")
_HEADER = re.compile(r"\b(?:bearer|basic|token|apikey|negotiate)\s+(?P<value>[\w.+/=~-]{12,})", re.IGNORECASE)
_USER = re.compile(r"(?:\s-u|--user)[ =][\"']?[\w.@-]+:(?P<value>[^\s\"']{4,})")
_OPTION = re.compile(
    r"sshpass\s+-p\s*[\"']?(?P<value>[^\s\"']{4,})|\bmysql\w*\s[^\n]*?-p(?P<joined>[^\s\"'=-][^\s\"']{3,})"
)
_SIGNED = re.compile(
    r"[?&](?:sig|signature|x-amz-signature|sharedaccesssignature|key|access_token)=(?P<value>[\w%.+/~-]{16,})",
    re.IGNORECASE,
)
_BEHIND_QUOTE = re.compile(r"[,)\]};:]+(?:\s|$)")
_ATTRIBUTE = re.compile(r"[A-Za-z_]+(?:\.[A-Za-z_]\w*)+")
_ORDINARY = re.compile(
    r"(?:true|false|none|null|nil|undefined|str(?:ing)?|int(?:eger)?|bytes|bool(?:ean)?|required|optional|hidden|"
    r"self|this|input|text|varchar|localhost|changeit|basic|bearer|token|secret|passw(?:or)?d)\b.*",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"chang(?:e|ing)[-_ ]?(?:me|it|this)|replace[-_ ]?(?:me|this|with)|your|example|sample|dummy|placeholder|redacted|"
    r"masked|removed|insert|here|todo|fixme|foo|bar|xxx+|\*\*\*+|\.\.\.|…|___",
    re.IGNORECASE,
)
_TEMPLATE = re.compile(
    r"^\$\w|\$\{|\{\{|\$\(|^<.*>$|^%[sdr]$|%\(\w+\)|^\{.*\}$|^%\w+%$|^@@|^__\w+__$|^\[.*\]$|\w\(.*\)$|^\w+\[.*\]$|\\[wdsbS][+*{]"
)
_SOURCE = re.compile(
    r"environ|getenv|process\.env|^(?:vault|ssm|kms|op|ref|secretref|keyring|file|arn|awssm|sops):|^ENC\b",
    re.IGNORECASE,
)
_SHORTEST, _SHORTEST_WORD, _SHORTEST_LEFT = 6, 8, 5
_MIXED = 0.2


def named(text: str, name: str = "") -> Iterator[Span]:
    """Yield the values that are given to the name of a secret; all of the text, where ``name`` is such a one."""
    if name and "\n" not in text and _is_value(text, filters.snake(name), quoted=True):
        yield Span(_kind(name), 0, len(text))
    yield from _given(text)
    for pattern in (_ELEMENT, _PAIR):
        for match in pattern.finditer(text):
            if _is_value(match["value"], filters.snake(match["name"]), quoted=True):
                yield Span(_kind(match["name"]), *match.span("value"))
    for match in _DOTENV.finditer(text):
        value, name = match["value"], match["name"]
        if filters.is_secret_name(filters.snake(name)) and not (_is_no_secret(value) or _ATTRIBUTE.fullmatch(value)):
            yield Span(_kind(match["name"]), *match.span("value"))
    yield from _addressed(text)


def _given(text: str) -> Iterator[Span]:
    """Yield what follows a name, which is read backwards and forwards from the word in it that says secret."""
    end = 0
    for at in _anchors(text):
        if at < end:
            continue
        before, after = _BEFORE.search(text, max(end, at - _BEFORE_CHARS), at), _AFTER.match(text, at)
        start, end = before.start() if before else at, after.end() if after else at
        name = text[start:end]
        if not filters.is_secret_name(filters.snake(name)):
            continue
        for pattern in (_QUOTED, _BARE):
            match = pattern.match(text, end)
            if match and _is_value(match["value"], filters.snake(name), quoted=pattern is _QUOTED):
                yield Span(_kind(name), *match.span("value"))
                break


def _anchors(text: str) -> list[int]:
    """Return where words stand that the name of a secret has: searched one by one, many times as fast as together."""
    lowered = text.lower()
    if len(lowered) != len(text):  # some capital letters have two small ones
        return [match.start() for match in _ANCHOR.finditer(text)]
    found = []
    for word in _WORDS:
        at = lowered.find(word)
        while at >= 0:
            found.append(at)
            at = lowered.find(word, at + len(word))
    return sorted(found)


def _addressed(text: str) -> Iterator[Span]:
    for match in _URL.finditer(text):
        if not _is_no_secret(match["value"]):
            yield Span("url-credentials", *match.span("value"))
    for match in _HEADER.finditer(text):
        if filters.mixing(match["value"]) >= _MIXED and not filters.is_words(match["value"]):
            yield Span("bearer-token", *match.span("value"))
    for pattern, kind in ((_USER, "password"), (_OPTION, "password"), (_SIGNED, "credential")):
        for match in pattern.finditer(text):
            group = "value" if match["value"] else "joined"
            if not _is_no_secret(match[group]):
                yield Span(kind, *match.span(group))


def _kind(name: str) -> str:
    return "password" if filters.PASSWORD_NAME.search(filters.snake(name)) else "credential"


def _is_value(value: str, name: str, *, quoted: bool) -> bool:
    """Say whether a value given to a name can be a secret, and is no text, no code and no reference to it."""
    if len(value) < _SHORTEST or not filters.is_secret_name(name) or _is_no_secret(value):
        return False
    if _BEHIND_QUOTE.match(value):  # the quote before it ended a string
        return False
    if filters.is_words(value):
        return quoted and _is_chosen_word(value, name)
    if not quoted and _is_code(value):
        return False
    return bool(filters.PASSWORD_NAME.search(name)) or filters.mixing(value) >= _MIXED


def _is_chosen_word(value: str, name: str) -> bool:
    """Say whether words are a password that a person chose: under a name that says password in the end."""
    if not filters.PASSWORD_NAME.search(name.rsplit("_", 1)[-1]) or _ORDINARY.fullmatch(value):
        return False
    if any(map(str.isspace, value)):
        return "phrase" in name or filters.mixing(value) >= _MIXED
    return len(value) >= _SHORTEST_WORD and (value.isalpha() or not value.isascii())


def _is_code(value: str) -> bool:
    return bool(re.search(r"[()\[\]{}]|^[\w.]+\.[A-Za-z_]\w*$|->|::|^[a-z_]+\d?$|^\W", value))


def _is_no_secret(value: str) -> bool:
    """Say whether a value stands for a secret to be filled in, or names the place where it is kept."""
    if _TEMPLATE.search(value) or _SOURCE.search(value) or len(set(value)) < _SHORTEST_LEFT:
        return True
    left = _PLACEHOLDER.sub("", value)
    if left != value and (len(left) < _SHORTEST_LEFT or filters.is_words(left)):
        return True
    return filters.is_reference(value) and filters.mixing(value) < _MIXED + 0.1
