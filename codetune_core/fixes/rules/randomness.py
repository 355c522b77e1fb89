"""Fixes for secrets made with a predictable generator."""

import ast
from collections.abc import Iterator

import libcst as cst

from codetune_core.domain.fix import Applicability
from codetune_core.fixes.imports import Reference
from codetune_core.fixes.registry import Proposal, fixes
from codetune_core.fixes.site import Site, argument, unpacks
from codetune_core.fixes.words import words_around

_FUNCTIONS = tuple(
    f"random.{name}"
    for name in ("Random", "random", "randrange", "randint", "choice", "choices", "uniform", "triangular", "randbytes")
)
_SECRET = frozenset(
    (
        "password",
        "passwd",
        "passphrase",
        "secret",
        "secrets",
        "token",
        "tokens",
        "otp",
        "nonce",
        "salt",
        "key",
        "apikey",
        "session",
        "csrf",
        "pin",
        "captcha",
        "invite",
        "reset",
        "verification",
        "voucher",
        "coupon",
        "credential",
        "auth",
        "challenge",
        "totp",
    )
)
_HEX = ("0123456789abcdef", "string.hexdigits.lower()")
_NOTE = (
    "The values now come from the operating system and cannot be repeated with `random.seed`: right for secrets, "
    "wrong for simulations and for tests that rely on a seed."
)


@fixes("S311")
def secure_random(site: Site) -> Iterator[Proposal]:
    """``random.choice(letters)`` -> ``secrets.choice(letters)``, and so on."""
    call = site.call(*_FUNCTIONS)
    if call is None or unpacks(call):
        return
    words = words_around(site, call)
    safe = words & _SECRET and "seed(" not in site.document.text
    applicability = Applicability.SAFE if safe else Applicability.UNSAFE
    for node, code, reference in _replacements(site, call):
        name = reference.code.rpartition(".")[2]
        title = f"take the random value from `secrets.{name}`"
        yield Proposal(title, applicability, (site.replace(node, code),), (reference,), _NOTE)


_Replacement = tuple[cst.CSTNode, str, Reference]


def _replacements(site: Site, call: cst.Call) -> Iterator[_Replacement]:
    """What to put in the place of which node, the best first."""
    function = site.imports.qualified(call.func).rpartition(".")[2]
    special = {
        "choice": _choice, "choices": _choices, "randrange": _below, "randint": _below, "randbytes": _bytes,
        "Random": _generator,
    }  # fmt: skip
    found = list(special[function](site, call)) if function in special else []
    yield from found
    system = site.imports.reference("secrets", "SystemRandom")
    if not found and system and function != "Random":
        yield call.func, f"{system.code}().{function}", system


def _choice(site: Site, call: cst.Call) -> Iterator[_Replacement]:
    yield from _token_hex(site, call)
    reference = site.imports.reference("secrets", "choice")
    sequence = argument(call, "seq", 0)
    if reference and sequence and len(call.args) == 1:
        yield call.func, reference.code, reference


def _token_hex(site: Site, call: cst.Call) -> Iterator[_Replacement]:
    """``"".join(random.choice("0123456789abcdef") for _ in range(32))`` -> ``secrets.token_hex(16)``."""
    alphabet = argument(call, "seq", 0)
    generator = site.parent(call)
    if alphabet is None or not isinstance(generator, cst.GeneratorExp | cst.ListComp) or generator.elt is not call:
        return
    join = site.nearest(cst.Call, generator)
    count = _repeated(generator.for_in)
    reference = site.imports.reference("secrets", "token_hex")
    if join and count and count % 2 == 0 and reference and _joins(join) and _is_hex(site, alphabet.value):
        yield join, f"{reference.code}({count // 2})", reference


def _repeated(loop: cst.CompFor) -> int | None:
    """How often ``for _ in range(N)`` runs, where that is a number in the text."""
    match loop:
        case cst.CompFor(iter=cst.Call(func=cst.Name("range"), args=[cst.Arg(value=cst.Integer(value))]), ifs=[]):
            return None if loop.inner_for_in else int(value, 0)
        case _:
            return None


def _choices(site: Site, call: cst.Call) -> Iterator[_Replacement]:
    """``random.choices(letters, k=n)`` -> ``[secrets.choice(letters) for _ in range(n)]``."""
    population, count = argument(call, "population", 0), argument(call, "k")
    reference = site.imports.reference("secrets", "choice")
    join = _joined_by(site, call)
    if population is None or count is None or len(call.args) != 2 or reference is None:  # noqa: PLR2004
        return
    token = site.imports.reference("secrets", "token_hex")
    length = count.value.value if isinstance(count.value, cst.Integer) else ""
    if join and token and length.isdecimal() and int(length) % 2 == 0 and _is_hex(site, population.value):
        yield join, f"{token.code}({int(length) // 2})", token
    if not _is_steady(population.value):
        return
    each = f"{reference.code}({site.code(population.value)}) for _ in range({site.code(count.value)})"
    yield call, each if join else f"[{each}]", reference


def _below(site: Site, call: cst.Call) -> Iterator[_Replacement]:
    """``random.randrange(n)`` -> ``secrets.randbelow(n)``; also with constant bounds."""
    reference = site.imports.reference("secrets", "randbelow")
    function = site.imports.qualified(call.func).rpartition(".")[2]
    if reference is None or any(arg.keyword for arg in call.args):
        return
    if function == "randrange" and len(call.args) == 1:
        yield call.func, reference.code, reference
        return
    bounds = [_constant(site, arg.value) for arg in call.args]
    if len(bounds) != 2 or bounds[0] is None or bounds[1] is None:  # noqa: PLR2004
        return
    low, high = bounds[0], bounds[1] + (function == "randint")
    if low >= high:
        return
    code = f"{reference.code}({high - low})"
    if low:
        code = f"{code} {'+' if low > 0 else '-'} {abs(low)}"
        outer = site.parent(call)
        code = f"({code})" if isinstance(outer, cst.BinaryOperation | cst.UnaryOperation | cst.Attribute) else code
    yield call, code, reference


def _bytes(site: Site, call: cst.Call) -> Iterator[_Replacement]:
    reference = site.imports.reference("secrets", "token_bytes")
    if reference and len(call.args) == 1 and not call.args[0].keyword:
        yield call.func, reference.code, reference


def _generator(site: Site, call: cst.Call) -> Iterator[_Replacement]:
    """``random.Random()`` -> ``secrets.SystemRandom()``; one with a seed is meant to repeat itself."""
    reference = site.imports.reference("secrets", "SystemRandom")
    if reference and not call.args:
        yield call.func, reference.code, reference


def _joined_by(site: Site, node: cst.CSTNode) -> cst.Call | None:
    holder = site.parent(node)
    join = site.parent(holder) if isinstance(holder, cst.Arg) else None
    return join if isinstance(join, cst.Call) and _joins(join) else None


def _joins(call: cst.Call) -> bool:
    """Whether a call is ``"".join(...)``."""
    match call.func:
        case cst.Attribute(value=cst.SimpleString() as separator, attr=cst.Name("join")):
            return separator.evaluated_value == ""
        case _:
            return False


def _is_hex(site: Site, alphabet: cst.BaseExpression) -> bool:
    code = site.code(alphabet)
    return code in _HEX or (isinstance(alphabet, cst.SimpleString) and alphabet.evaluated_value in _HEX)


def _is_steady(node: cst.BaseExpression) -> bool:
    """Whether evaluating an expression again gives the same and costs little."""
    match node:
        case cst.Name() | cst.SimpleString():
            return True
        case cst.Attribute(value=value):
            return _is_steady(value)
        case cst.BinaryOperation(left=left, operator=cst.Add(), right=right):
            return _is_steady(left) and _is_steady(right)
        case _:
            return False


def _constant(site: Site, node: cst.BaseExpression) -> int | None:
    try:
        value = ast.literal_eval(site.code(node))
    except (SyntaxError, ValueError):
        return None
    return value if isinstance(value, int) else None
