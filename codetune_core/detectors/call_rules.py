"""The checks of the ``calls`` detector: from a node in its scope to what is flagged."""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from codetune_core.detectors.python_scopes import Scope
from codetune_core.domain.finding import Confidence

_SENSITIVE = re.compile(
    r"sess|token|auth|jwt|login|remember|sso|credential|refresh|csrf|xsrf|api_?key|identity|(?:^|[_.\-])sid$|^user(?:_?id)?$",
    re.IGNORECASE,
)
_READ_BY_SCRIPTS = re.compile(r"csrf|xsrf", re.IGNORECASE)
_COOKIE_SETTING = re.compile(r"(?:SESSION|CSRF|REMEMBER|JWT|LANGUAGE|AUTH)_COOKIE_(?:SECURE|HTTPONLY)")
_SECURE_PLACE, _HTTPONLY_PLACE, _SAMESITE_PLACE = 6, 7, 8
_JWT_DECODE = frozenset(
    f"{module}.{name}"
    for module in ("jwt", "jwt.api_jwt", "jwt.PyJWT()", "jwt.api_jwt.PyJWT()", "jose.jwt", "jose.jws")
    for name in ("decode", "decode_complete", "verify")
)
_VERIFY_PLACE = 2
_MACS = re.compile(r"hmac\.(?:new|HMAC)\(\)\.(?:hex)?digest\(\)|hmac\.digest\(\)")
_SAME_BYTES = frozenset(
    "decode encode hex lower upper rstrip strip b64encode urlsafe_b64encode hexlify str bytes".split()  # noqa: SIM905 - words
)
_DEPTH = 6
_SECRET_NAME = re.compile(r"signature|token|passw|secret|api_?key|csrf|hmac|(?:^|_)mac$|digest", re.IGNORECASE)
_REQUEST_PARTS = frozenset(("headers", "cookies", "META", "form", "args", "GET", "POST", "query_params"))
_OLD_PROTOCOLS = frozenset(
    [f"ssl.PROTOCOL_{name}" for name in ("SSLv2", "SSLv3", "TLSv1", "TLSv1_1")]
    + [f"OpenSSL.SSL.{name}_METHOD" for name in ("SSLv2", "SSLv3", "TLSv1", "TLSv1_1")]
)
_OLD_VERSIONS = frozenset(f"ssl.TLSVersion.{name}" for name in ("SSLv3", "TLSv1", "TLSv1_1", "MINIMUM_SUPPORTED"))
_NO_CERTIFICATE = frozenset(("verify_mode", "cert_reqs", "ssl_cert_reqs"))
_NO_HOSTNAME = frozenset(("check_hostname", "ssl_check_hostname", "assert_hostname"))
_VERSIONS = frozenset(("minimum_version", "maximum_version"))
_CHECK_OFF = dict.fromkeys((*_NO_CERTIFICATE, *_NO_HOSTNAME), Confidence.MEDIUM)


@dataclass(frozen=True, slots=True)
class Flag:
    """A node that breaks a rule; the confidence is the rule's where none is given."""

    node: ast.expr | ast.stmt | ast.keyword
    confidence: Confidence | None = None


Check = Callable[[Any, Scope], Iterator[Flag]]


def cookie_call(call: ast.Call, scope: Scope) -> Iterator[Flag]:
    """``set_cookie`` of Flask, Werkzeug, Django and Starlette for a cookie that logs someone in."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr != "set_cookie" or _unpacks(call):
        return
    name = _cookie_name(call, scope)
    if not _SENSITIVE.search(name):
        return
    secure = _is_on(_argument(call, "secure", _SECURE_PLACE), scope)
    hidden = _is_on(_argument(call, "httponly", _HTTPONLY_PLACE), scope) or _READ_BY_SCRIPTS.search(name)
    if not secure or not hidden or _sent_everywhere(_argument(call, "samesite", _SAMESITE_PLACE), scope):
        yield Flag(call.func)


def _cookie_name(call: ast.Call, scope: Scope) -> str:
    """The cookie's name where it is written down, else the name of the variable that holds it."""
    for name in ("key", "name", "cookie_name"):
        node = _argument(call, name, 0)
        value = scope.value(node)
        if isinstance(value, ast.Constant):
            return str(value.value)
        if node is not None:
            return ast.unparse(node)
    return ""


def _is_on(node: ast.expr | None, scope: Scope) -> bool:
    """Whether a flag is on, or decided where it cannot be seen from here."""
    value = scope.value(node)
    return value is not None and not (isinstance(value, ast.Constant) and not value.value)


def _sent_everywhere(node: ast.expr | None, scope: Scope) -> bool:
    value = scope.value(node)
    return isinstance(value, ast.Constant) and str(value.value).lower() == "none"


def cookie_setting(node: ast.Assign | ast.AnnAssign, scope: Scope) -> Iterator[Flag]:
    """``SESSION_COOKIE_SECURE = False`` of Django, ``app.config["SESSION_COOKIE_SECURE"] = False`` of Flask."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    if any(_COOKIE_SETTING.fullmatch(_key(target)) for target in targets) and _is_false(scope.value(node.value)):
        yield Flag(node)


def _key(target: ast.expr) -> str:
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        return str(target.slice.value)
    return target.id if isinstance(target, ast.Name) else target.attr if isinstance(target, ast.Attribute) else ""


def cookie_keyword(call: ast.Call, scope: Scope) -> Iterator[Flag]:
    """``app.config.update(SESSION_COOKIE_SECURE=False)``."""
    for keyword in call.keywords:
        if keyword.arg and _COOKIE_SETTING.fullmatch(keyword.arg) and _is_false(scope.value(keyword.value)):
            yield Flag(keyword)


def cookie_entry(node: ast.Dict, scope: Scope) -> Iterator[Flag]:
    """``{"SESSION_COOKIE_SECURE": False}``."""
    for key, value in zip(node.keys, node.values, strict=True):
        named = isinstance(key, ast.Constant) and _COOKIE_SETTING.fullmatch(str(key.value))
        if named and _is_false(scope.value(value)):
            yield Flag(value)


def unverified_token(call: ast.Call, scope: Scope) -> Iterator[Flag]:
    """``jwt.decode`` of PyJWT and python-jose that accepts a token nobody signed."""
    if not (call.keywords or len(call.args) > _VERIFY_PLACE) or scope.qualified(call.func) not in _JWT_DECODE:
        return
    verify, options, algorithms = (
        _argument(call, "verify", _VERIFY_PLACE),
        _argument(call, "options"),
        _argument(call, "algorithms"),
    )
    if verify is not None and _is_false(scope.value(verify)):
        yield Flag(_written(call, verify))
    elif options is not None and _is_false(scope.value(_entry(scope.value(options), "verify_signature"))):
        yield Flag(_written(call, options))
    elif algorithms is not None and _accepts_none(scope.value(algorithms), scope):
        yield Flag(_written(call, algorithms))


def _written(call: ast.Call, value: ast.expr) -> ast.expr | ast.keyword:
    """The argument with its name, where it is given by name."""
    return next((keyword for keyword in call.keywords if keyword.value is value), value)


def _entry(mapping: ast.expr | None, name: str) -> ast.expr | None:
    """The value under a key of ``{...}`` or ``dict(...)``."""
    if isinstance(mapping, ast.Dict):
        pairs = zip(mapping.keys, mapping.values, strict=True)
        return next((value for key, value in pairs if isinstance(key, ast.Constant) and key.value == name), None)
    return _argument(mapping, name) if isinstance(mapping, ast.Call) else None


def _accepts_none(algorithms: ast.expr | None, scope: Scope) -> bool:
    members = algorithms.elts if isinstance(algorithms, ast.List | ast.Tuple | ast.Set) else [algorithms]
    values = [scope.value(member) for member in members]
    return any(
        isinstance(value, ast.Constant) and str(value.value).lower() == "none" and value.value for value in values
    )


def compared_digest(node: ast.Compare, scope: Scope) -> Iterator[Flag]:
    """A secret digest compared by ``==``, which takes longer the more of it was guessed right."""
    if len(node.ops) != 1 or not isinstance(node.ops[0], ast.Eq | ast.NotEq):
        return
    left, right = node.left, node.comparators[0]
    if isinstance(scope.value(left), ast.Constant) or isinstance(scope.value(right), ast.Constant):
        return
    if _is_mac(left, scope) or _is_mac(right, scope):
        yield Flag(node)
    elif any(_is_secret(one) and _is_from_request(other, scope) for one, other in ((left, right), (right, left))):
        yield Flag(node, Confidence.MEDIUM)


def _is_mac(node: ast.expr, scope: Scope, depth: int = _DEPTH) -> bool:
    """Whether an expression is a message authentication code, also encoded, prefixed, or from a function here."""
    value = scope.value(node)
    if not depth:
        return False
    if isinstance(value, ast.JoinedStr):
        filled = (part.value for part in value.values if isinstance(part, ast.FormattedValue))
        return any(_is_mac(part, scope, depth - 1) for part in filled)
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        return _is_mac(value.left, scope, depth - 1) or _is_mac(value.right, scope, depth - 1)
    if not isinstance(value, ast.Call):
        return False
    if _MACS.fullmatch(scope.qualified(value)):
        return True
    if results := scope.returned(value):
        return all(_is_mac(result, inner, depth - 1) for result, inner in results)
    name = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
    owner = [value.func.value] if isinstance(value.func, ast.Attribute) else []
    return name in _SAME_BYTES and any(_is_mac(part, scope, depth - 1) for part in (*value.args[:1], *owner))


def _is_secret(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else _key(node)
    return bool(_SECRET_NAME.search(name))


def _is_from_request(node: ast.expr, scope: Scope) -> bool:
    """Whether a value is read from a request: ``request.headers["X-Token"]``, ``request.cookies.get("csrf")``."""
    value = scope.value(node)
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in ("get", "getlist"):
        holder: ast.expr = value.func.value
    elif isinstance(value, ast.Subscript):
        holder = value.value
    else:
        return False
    return (
        isinstance(holder, ast.Attribute) and holder.attr in _REQUEST_PARTS and "request" in ast.unparse(holder.value)
    )


def weak_protocol(call: ast.Call, scope: Scope) -> Iterator[Flag]:
    """``ssl.SSLContext(ssl.PROTOCOL_TLSv1)``; ruff sees old versions only in keyword arguments of other calls."""
    protocol = _argument(call, "protocol", 0)
    old = isinstance(protocol, ast.Name | ast.Attribute) and scope.qualified(protocol) in _OLD_PROTOCOLS
    if old and scope.qualified(call.func) in ("ssl.SSLContext", "OpenSSL.SSL.Context"):
        yield Flag(call)


def weak_context(node: ast.Assign, scope: Scope) -> Iterator[Flag]:
    """An attribute of a TLS context that admits old versions, any certificate or any host."""
    for target in node.targets:
        if (
            isinstance(target, ast.Attribute)
            and _is_weak(target.attr, node.value, scope)
            and not _serves(target, scope)
        ):
            yield Flag(node, _CHECK_OFF.get(target.attr))


def weak_keyword(call: ast.Call, scope: Scope) -> Iterator[Flag]:
    """``PoolManager(cert_reqs=ssl.CERT_NONE)`` and the like."""
    for keyword in call.keywords:
        if keyword.arg and _is_weak(keyword.arg, keyword.value, scope):
            yield Flag(keyword, _CHECK_OFF.get(keyword.arg))


def _is_weak(name: str, given: ast.expr, scope: Scope) -> bool:
    if name not in _CHECK_OFF and name not in _VERSIONS:
        return False
    value = scope.value(given)
    if name in _NO_HOSTNAME:
        return _is_false(value)
    if name in _NO_CERTIFICATE:
        text = value.value if isinstance(value, ast.Constant) else scope.qualified(value)
        return text in ("CERT_NONE", "ssl.CERT_NONE", "ssl.VerifyMode.CERT_NONE")
    return scope.qualified(value) in _OLD_VERSIONS


def _serves(target: ast.Attribute, scope: Scope) -> bool:
    """Whether certificates are not checked because the context is a server's: its clients seldom have one.

    Nor is ``self.check_hostname = False`` a weak context, but the default of a class that wraps one.
    """
    context = scope.value(target.value)
    if target.attr not in _CHECK_OFF or not isinstance(context, ast.Call):
        return target.attr in _CHECK_OFF and isinstance(context, ast.Name) and context.id == "self"
    given = [scope.qualified(value) for value in (*context.args, *(keyword.value for keyword in context.keywords))]
    return "ssl.PROTOCOL_TLS_SERVER" in given or "ssl.Purpose.CLIENT_AUTH" in given


def _is_false(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def _argument(call: ast.Call, name: str, place: int | None = None) -> ast.expr | None:
    """An argument by keyword or, where the function takes it so, by position."""
    named = next((keyword.value for keyword in call.keywords if keyword.arg == name), None)
    if named is not None or place is None or place >= len(call.args):
        return named
    before = call.args[: place + 1]
    return None if any(isinstance(argument, ast.Starred) for argument in before) else before[-1]


def _unpacks(call: ast.Call) -> bool:
    return any(keyword.arg is None for keyword in call.keywords) or any(
        isinstance(each, ast.Starred) for each in call.args
    )


RULES: Mapping[type[ast.AST], tuple[tuple[str, Check], ...]] = {
    ast.Call: (
        ("CT101", cookie_call),
        ("CT101", cookie_keyword),
        ("CT102", unverified_token),
        ("CT104", weak_protocol),
        ("CT104", weak_keyword),
    ),
    ast.Assign: (("CT101", cookie_setting), ("CT104", weak_context)),
    ast.AnnAssign: (("CT101", cookie_setting),),
    ast.Dict: (("CT101", cookie_entry),),
    ast.Compare: (("CT103", compared_digest),),
}
