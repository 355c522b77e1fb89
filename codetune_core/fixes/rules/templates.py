"""Fixes for templates that put a text into HTML without escaping it: Jinja2, Mako, MarkupSafe."""

from collections.abc import Iterator

import libcst as cst

from codetune_core.domain.fix import Applicability
from codetune_core.fixes.registry import Proposal, fixes
from codetune_core.fixes.site import Site, argument, unpacks, with_argument

_ENVIRONMENTS = (
    "jinja2.Environment",
    "jinja2.environment.Environment",
    "jinja2.sandbox.SandboxedEnvironment",
    "jinja2.sandbox.ImmutableSandboxedEnvironment",
    "jinja2.nativetypes.NativeEnvironment",
)
_AUTOESCAPE_PLACE = 16
_ESCAPED = (
    "Templates named `*.html`, `*.htm` or `*.xml` and those made from a string are escaped, others such as `*.txt` are "
    "not. HTML that is meant as such needs `|safe`, or must come as `markupsafe.Markup`."
)
_MARKUP = (
    "The values are escaped: `<` shows as `<`. A value that is HTML on purpose must come as `Markup` already, from a "
    "place that built it so."
)


@fixes("S701")
def autoescape(site: Site) -> Iterator[Proposal]:
    """``Environment(autoescape=False)``, or without -> ``Environment(autoescape=select_autoescape())``."""
    call = site.nearest(cst.Call)
    given = argument(call, "autoescape", _AUTOESCAPE_PLACE) if call else None
    select = site.imports.reference("jinja2", "select_autoescape")
    if call is None or select is None or unpacks(call):
        return
    if given and site.code(given.value) not in ("False", "None", "0"):
        return
    code = f"{select.code}()"
    edit = site.replace(given.value, code) if given else site.replace(call, with_argument(call, "autoescape", code))
    yield Proposal("escape what templates insert", Applicability.UNSAFE, (edit,), (select,), _ESCAPED)


@fixes("S702")
def mako(_site: Site) -> Iterator[Proposal]:
    """What a template escapes cannot be seen from its call."""
    note = (
        'Mako escapes nothing unless told: `Template(text, default_filters=["h"])`, the same argument for '
        "`TemplateLookup`, or `${value | h}` at each place. Then silence this finding with the reason."
    )
    yield Proposal('escape by `default_filters=["h"]`', Applicability.DISPLAY_ONLY, note=note)


@fixes("S704")
def markup(site: Site) -> Iterator[Proposal]:
    """``Markup(f"<b>{name}</b>")`` -> ``Markup("<b>{}</b>").format(name)``, and the like for ``%``, ``+``, a value."""
    call = site.nearest(cst.Call)
    if call is None or len(call.args) != 1 or call.args[0].star or call.args[0].keyword:
        return
    text, func = call.args[0].value, site.code(call.func)
    match text:
        case cst.FormattedString():
            code = _from_f_string(site, func, text)
        case cst.Call(func=cst.Attribute(value=cst.SimpleString() as literal, attr=cst.Name(value="format")), args=_):
            code = f"{func}({site.code(literal)}){site.code(text)[len(site.code(literal)) :]}"
        case cst.BinaryOperation(left=cst.SimpleString() as literal, operator=cst.Modulo(), right=right):
            code = _grouped(site, call, f"{func}({site.code(literal)}) % {site.code(right)}")
        case cst.BinaryOperation(operator=cst.Add()):
            code = _from_sum(site, call, func, text)
        case cst.Name() | cst.Attribute() | cst.Subscript() | cst.Call():
            yield from _escaped(site, call)
            return
        case _:
            return
    if code:
        yield Proposal(
            "escape the values in the markup", Applicability.UNSAFE, (site.replace(call, code),), note=_MARKUP
        )


def _escaped(site: Site, call: cst.Call) -> Iterator[Proposal]:
    escape = site.imports.reference("markupsafe", "escape")
    if escape:
        edits = (site.replace(call.func, escape.code),)
        yield Proposal("escape the text", Applicability.UNSAFE, edits, (escape,), _MARKUP)


def _from_f_string(site: Site, func: str, text: cst.FormattedString) -> str:
    """Empty where a value is formatted in a way that ``str.format`` does not know."""
    literal, values = "", []
    for part in text.parts:
        if isinstance(part, cst.FormattedStringText):
            literal += part.value
        elif isinstance(part, cst.FormattedStringExpression):
            spec = "".join(site.code(each) for each in part.format_spec or ())
            if part.equal or "{" in spec:
                return ""
            literal += "{" + (f"!{part.conversion}" if part.conversion else "") + (f":{spec}" if spec else "") + "}"
            values.append(_value(site, part.expression))
    start = text.start.replace("f", "").replace("F", "")
    return f"{func}({start}{literal}{text.end}).format({', '.join(values)})"


def _value(site: Site, expression: cst.BaseExpression) -> str:
    code = site.code(expression).strip()
    return f"({code})" if isinstance(expression, cst.Tuple) and not expression.lpar else code


def _from_sum(site: Site, call: cst.Call, func: str, text: cst.BinaryOperation) -> str:
    terms = _terms(text)
    known = cst.SimpleString | cst.Name | cst.Attribute | cst.Subscript | cst.Call
    if not all(isinstance(term, known) for term in terms) or not any(isinstance(t, cst.SimpleString) for t in terms):
        return ""
    wrapped = (
        f"{func}({site.code(term)})" if isinstance(term, cst.SimpleString) else site.code(term) for term in terms
    )
    return _grouped(site, call, " + ".join(wrapped))


def _terms(node: cst.BaseExpression) -> list[cst.BaseExpression]:
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Add):
        return [*_terms(node.left), *_terms(node.right)]
    return [node]


def _grouped(site: Site, call: cst.Call, code: str) -> str:
    """In parentheses where the expression stands in a tighter one."""
    tight = cst.Attribute | cst.BinaryOperation | cst.Subscript | cst.UnaryOperation | cst.Await | cst.Call
    return f"({code})" if isinstance(site.parent(call), tight) else code
