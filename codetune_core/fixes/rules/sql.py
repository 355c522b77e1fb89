"""Fixes for SQL built from strings: values become bound parameters."""

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from codetune_core.domain.fix import Applicability
from codetune_core.domain.text import Edit
from codetune_core.fixes.registry import Proposal, fixes
from codetune_core.fixes.site import Site, argument, unpacks
from codetune_core.fixes.slots import NotATemplate
from codetune_core.fixes.sql_drivers import NAMED, NUMBERED, PYFORMAT, QUESTION, style_for
from codetune_core.fixes.sql_statement import NotAValue, Style, Value, bind
from codetune_core.fixes.templates import Template
from codetune_core.fixes.variables import moved_value

_TEXT = frozenset(
    ("sqlalchemy.text", "sqlalchemy.sql.text", "sqlalchemy.sql.expression.text", "sqlmodel.text", "db.text", "sa.text")
)
_EXECUTE = frozenset(("execute", "fetch", "fetchrow", "fetchval", "execute_fetchall", "scalar", "scalars"))
_PARAMETERS = frozenset(("parameters", "params", "vars", "args"))
_NOTE = """\
Placeholders can stand for values only. Choose table names, column names, `ORDER BY` and operators from a fixed set
in the code (`{"name": "ORDER BY name", ...}[key]`), and bind everything else:

```python
cursor.execute("SELECT * FROM users WHERE name = ?", (name,))        # sqlite3
cursor.execute("SELECT * FROM users WHERE name = %s", (name,))       # psycopg, MySQL
session.execute(text("SELECT * FROM users WHERE name = :name"), {"name": name})  # SQLAlchemy
```"""


class NotOffered(Exception):  # noqa: N818
    """There is no fix that keeps the meaning."""


@dataclass(frozen=True, slots=True)
class _Query:
    """Where a query is built, and the call that runs it.

    Attributes:
        expression: builds the text.
        call: runs it, or for a ``text()`` that nothing runs here, that call itself.
        style: of the driver.
        moves: the text is built before the call, so that values are evaluated later than they were.
    """

    expression: cst.BaseExpression
    call: cst.Call
    style: Style
    moves: bool = False


@fixes("S608")
def bound_parameters(site: Site) -> Iterator[Proposal]:
    """``execute(f"... {value}")`` -> ``execute("... ?", (value,))``."""
    try:
        yield _proposal(site, _query(site))
    except (NotOffered, NotAValue, NotATemplate):
        yield Proposal("bind the values as parameters", Applicability.DISPLAY_ONLY, note=_NOTE)


def _proposal(site: Site, query: _Query) -> Proposal:
    given = _given(query)
    style = _for_mapping(query.style) if isinstance(given, cst.Dict) else query.style
    count = len(query.call.args) - 1 if style is NUMBERED else 0
    template = Template(site, query.expression)
    bound = bind(template, style, has_parameters=given is not None, given=count)
    if query.moves and any(value.calls for value in bound.values):
        raise NotOffered
    statement = template.rewritten(bound.bodies)
    edits = (site.replace(query.expression, statement), _with_values(site, query, given, bound.values, style))
    title = "bind the value as a parameter" if len(bound.values) == 1 else "bind the values as parameters"
    return Proposal(title, Applicability.SAFE, edits)


def _query(site: Site) -> _Query:
    """The whole expression that builds the text, and the call it goes to; raises NotOffered."""
    expression = _whole(site)
    outer = site.parent(expression)
    call = site.parent(outer) if isinstance(outer, cst.Arg) else None
    if isinstance(call, cst.Call):
        if _is_text(site, call):
            return _text_query(site, expression, call)
        return _Query(expression, _checked(call, expression), _style(site, call))
    moved = moved_value(site, expression)
    if moved is None:
        raise NotOffered
    runs = site.parent(site.parent(moved.use) or moved.use)
    if not isinstance(runs, cst.Call):
        raise NotOffered
    if _is_text(site, runs):
        query = _text_query(site, moved.use, runs)
        return _Query(expression, query.call, query.style, moves=True)
    return _Query(expression, _checked(runs, moved.use), _style(site, runs), moves=True)


def _whole(site: Site) -> cst.BaseExpression:
    found: cst.BaseExpression | None = None
    for node in site.around():
        parent = site.parent(node)
        if isinstance(node, cst.SimpleString | cst.FormattedString | cst.ConcatenatedString | cst.BinaryOperation):
            found = node
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == "format":
            found = node
        if found is not None and not isinstance(
            parent, cst.ConcatenatedString | cst.BinaryOperation | cst.FormattedStringExpression | cst.FormattedString
        ):
            break
    if found is None:
        raise NotOffered
    return found


def _text_query(site: Site, expression: cst.BaseExpression, text: cst.Call) -> _Query:
    """A query in ``text()``: bound where it is run, or else with ``bindparams``."""
    outer = site.parent(text)
    runs = site.parent(outer) if isinstance(outer, cst.Arg) else None
    if isinstance(runs, cst.Call) and _method(runs) in _EXECUTE and runs.args[0] is outer:
        return _Query(expression, runs, NAMED)
    if isinstance(outer, cst.Attribute) and outer.attr.value == "bindparams":
        runs = site.parent(outer)
        if isinstance(runs, cst.Call):
            return _Query(expression, runs, NAMED)
    return _Query(expression, text, NAMED)


def _checked(call: cst.Call, query: cst.CSTNode) -> cst.Call:
    """A call that runs a query, given as its first argument; raises NotOffered."""
    first = call.args[0]
    if _method(call) not in _EXECUTE or first.value is not query or first.keyword or unpacks(call):
        raise NotOffered
    return call


def _style(site: Site, call: cst.Call) -> Style:
    receiver = call.func.value if isinstance(call.func, cst.Attribute) else None
    style = style_for(site, receiver) if receiver else None
    if style is None or (style is not NUMBERED and _method(call) not in ("execute", "execute_fetchall")):
        raise NotOffered
    return style


def _is_text(site: Site, call: cst.Call) -> bool:
    name = site.imports.qualified(call.func)
    return (name in _TEXT or name.endswith(".db.text")) and len(call.args) == 1


def _method(call: cst.Call) -> str:
    return call.func.attr.value if isinstance(call.func, cst.Attribute) else ""


def _for_mapping(style: Style) -> Style:
    return NAMED if style is QUESTION or style is NAMED else PYFORMAT


def _given(query: _Query) -> cst.BaseExpression | None:
    """The parameters that the call has already; raises NotOffered where they are no tuple, list or dict."""
    if query.style is NUMBERED:
        if any(arg.keyword for arg in query.call.args[1:]):
            raise NotOffered
        return None
    if _binds_by_method(query):
        return None
    found = [argument(query.call, name) for name in _PARAMETERS] + [argument(query.call, "", 1)]
    given = next((arg.value for arg in found if arg), None)
    if given is not None and not isinstance(given, cst.Tuple | cst.List | cst.Dict):
        raise NotOffered
    if given is None and len(query.call.args) > 1 and query.style is not NAMED:
        raise NotOffered
    if query.style is NAMED and given is not None and not isinstance(given, cst.Dict):
        raise NotOffered
    return given


def _binds_by_method(query: _Query) -> bool:
    return query.style is NAMED and (_method(query.call) == "bindparams" or _method(query.call) not in _EXECUTE)


def _with_values(
    site: Site, query: _Query, given: cst.BaseExpression | None, values: tuple[Value, ...], style: Style
) -> Edit:
    by_name = dict.fromkeys((value.name, value.code) for value in values)
    if _binds_by_method(query):
        written = ", ".join(f"{name}={code}" for name, code in by_name)
        if _method(query.call) == "bindparams":
            return _inserted(site, query.call, written)
        return site.insert_behind(query.call, f".bindparams({written})")
    if isinstance(given, cst.Dict):
        return _inserted(site, given, ", ".join(f'"{name}": {code}' for name, code in by_name))
    if isinstance(given, cst.Tuple | cst.List):
        return site.replace(given, _extended(site, given, values))
    if style.named:
        written = "{" + ", ".join(f'"{name}": {code}' for name, code in by_name) + "}"
    elif style is NUMBERED:
        written = ", ".join(value.code for value in values)
    else:
        written = "(" + ", ".join(value.code for value in values) + (",)" if len(values) == 1 else ")")
    return site.insert_behind(query.call.args[-1 if style is NUMBERED else 0], f", {written}")


def _inserted(site: Site, holder: cst.Dict | cst.Call, written: str) -> Edit:
    """Behind the last entry of a dict, or the last argument of a call."""
    entries = holder.elements if isinstance(holder, cst.Dict) else holder.args
    if not entries:
        closing = "{" + written + "}" if isinstance(holder, cst.Dict) else f"{site.code(holder.func)}({written})"
        return site.replace(holder, closing)
    return site.insert_behind(entries[-1], f", {written}")


def _extended(site: Site, given: cst.Tuple | cst.List, values: tuple[Value, ...]) -> str:
    """The parameters with the new ones put in where their placeholders stand."""
    if any(isinstance(element, cst.StarredElement) for element in given.elements):
        raise NotOffered
    codes = [site.code(element.value) for element in given.elements]
    for index, value in enumerate(values):
        codes.insert(min(value.after, len(codes)) if index == 0 or value.after else index, value.code)
    inside = ", ".join(codes)
    if isinstance(given, cst.List):
        return f"[{inside}]"
    return f"({inside},)" if len(codes) == 1 else f"({inside})"
