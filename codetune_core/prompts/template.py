"""Templates of prompts: Jinja2 in its immutable sandbox, cut down to what a prompt needs and cannot run away with.

A template may print variables, choose by ``{% if %}`` and repeat by ``{% for %}``; it cannot assign, define, import,
call or reach into anything. Each loop's items count against one allowance for the whole render, and text is never
multiplied: work and memory are bounded by the template's length. ``{% raw %}`` and comments work as always.

Values are data: nothing in them is ever taken for a template. Fenced ones are only put in after Jinja is done, so
that no filter can alter what stands between the fences.
"""

import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import jinja2
from jinja2 import StrictUndefined, TemplateError, nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from codetune_core.domain.fence import Piece
from codetune_core.errors import RenderError

MAX_TEMPLATE = 100_000
"""Longest template, in characters."""
MAX_STEPS = 5_000
"""How many items all loops and ranges of one render may have together."""
MAX_OUTPUT = 8_000_000
"""Longest rendered text, in characters."""
_ALLOWANCE = " steps"
_FILTERS = (
    "abs", "capitalize", "count", "default", "d", "first", "float", "int", "join", "last", "length", "lower", "max",
    "min", "reverse", "sort", "title", "trim", "unique", "upper",
)  # fmt: skip
_TESTS = (
    "defined", "undefined", "none", "true", "false", "in", "eq", "ne", "lt", "le", "gt", "ge", "==", "!=", "<", "<=",
    ">", ">=", "odd", "even", "divisibleby", "string", "number", "boolean",
)  # fmt: skip
_LOOP = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length"})
_NODES: tuple[type[nodes.Node], ...] = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Name, nodes.Const, nodes.List,
    nodes.Tuple, nodes.CondExpr, nodes.And, nodes.Or, nodes.Not, nodes.Compare, nodes.Operand, nodes.Add, nodes.Sub,
    nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos, nodes.Filter, nodes.Test, nodes.Keyword,
    nodes.Call, nodes.Getattr,
)  # fmt: skip
_BROKEN = (
    TemplateError,
    TypeError,
    ValueError,
    ArithmeticError,
    AttributeError,
    RecursionError,
    SyntaxError,
    MemoryError,
)


@dataclass(frozen=True, eq=False)
class Fenced:
    """An untrusted text on its way through a template, which sees whether there is one and how long it is."""

    name: str
    text: str = field(repr=False)
    info: str = ""

    def __bool__(self) -> bool:
        return bool(self.text)

    def __len__(self) -> int:
        return len(self.text)

    def __eq__(self, other: object) -> bool:
        raise RenderError(f"{self.name} is untrusted: a template sees whether there is one, and does not compare it")

    __hash__ = object.__hash__

    def __str__(self) -> str:
        raise RenderError(f"{self.name} is untrusted: write {{{{ {self.name} }}}} alone, without a filter or operator")


class Trusted(str):
    """A text of the library's own, put in as it is."""

    __slots__ = ()


@dataclass(frozen=True)
class Template:
    """A compiled template, and which variables it names."""

    names: frozenset[str]
    compiled: jinja2.Template = field(repr=False)

    def pieces(self, values: Mapping[str, object]) -> Iterator[Piece | Fenced]:
        """Run the template: its own text, values within lines, and texts to be fenced, in order.

        Raises RenderError for everything that goes wrong.
        """
        found: list[str] = []
        size = 0
        try:
            for text in self.compiled.generate({**values, _ALLOWANCE: _Allowance()}):
                found.append(text)
                size += len(text)
                if size > MAX_OUTPUT:
                    raise RenderError(f"The prompt grows beyond {MAX_OUTPUT:,} characters; shorten its loops.")
        except _BROKEN as error:
            raise RenderError(f"The template cannot be rendered: {_reason(error)}") from error
        return _split("".join(found), values)


@dataclass
class _Allowance:
    left: int = MAX_STEPS


class _Sandbox(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise RenderError(f"{operator} works on numbers only; put texts side by side as {{{{ a }}}}{{{{ b }}}}")
        return super().call_binop(context, operator, left, right)


@functools.lru_cache(maxsize=256)
def compile_template(text: str) -> Template:
    """Compile a template.

    Raises RenderError for a syntax error, with its line, and for whatever a template may not do.
    """
    if len(text) > MAX_TEMPLATE:
        raise RenderError(f"The template has {len(text):,} characters; at most {MAX_TEMPLATE:,} are allowed.")
    if "\x00" in text:
        raise RenderError("The template has a NUL character; remove it.")
    environment = _environment()
    try:
        tree = environment.parse(text)
        names = _checked(tree)
        _count_loops(tree)
        return Template(names, environment.from_string(tree))
    except _BROKEN as error:
        raise RenderError(f"The template cannot be used: {_reason(error)}") from error


@functools.cache
def _environment() -> _Sandbox:
    sandbox = _Sandbox(
        undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True, finalize=_printed
    )
    sandbox.globals = {"range": _range}
    sandbox.filters = {name: sandbox.filters[name] for name in _FILTERS} | {"counted": _counted, "join": _join}
    sandbox.tests = {name: sandbox.tests[name] for name in _TESTS}
    return sandbox


def _reason(error: BaseException) -> str:
    line = getattr(error, "lineno", None)
    where = f"line {line}: " if isinstance(line, int) else ""
    return f"{where}{getattr(error, 'message', None) or str(error) or type(error).__name__}"


def _checked(tree: nodes.Template) -> frozenset[str]:
    problems = [problem for node in tree.find_all(nodes.Node) if (problem := _refused(node))]
    if problems:
        raise RenderError("The template cannot be used:\n" + "\n".join(f"- {each}" for each in dict.fromkeys(problems)))
    return frozenset(_free_names(tree, frozenset({"range"})))


def _refused(node: nodes.Node) -> str:
    if not isinstance(node, _NODES):
        what = type(node).__name__
        return f"line {node.lineno}: {what} is not allowed; a template has {{{{ variables }}}}, if and for"
    if isinstance(node, nodes.Call) and not (isinstance(node.node, nodes.Name) and node.node.name == "range"):
        return f"line {node.lineno}: only range() can be called"
    if isinstance(node, nodes.Getattr) and not _is_of_loop(node):
        return f"line {node.lineno}: .{node.attr} is not allowed; only loop has attributes: {', '.join(sorted(_LOOP))}"
    if isinstance(node, nodes.For) and (node.recursive or not isinstance(node.target, nodes.Name)):
        return f"line {node.lineno}: a loop has one variable and is not recursive"
    if isinstance(node, nodes.List | nodes.Tuple) and not all(isinstance(item, nodes.Const) for item in node.items):
        return f"line {node.lineno}: a list in a template holds constants only"
    if isinstance(node, nodes.Filter) and node.name == "counted":
        return f"line {node.lineno}: No filter named 'counted'."
    return ""


def _is_of_loop(node: nodes.Getattr) -> bool:
    return isinstance(node.node, nodes.Name) and node.node.name == "loop" and node.attr in _LOOP


def _free_names(node: nodes.Node, bound: frozenset[str]) -> Iterator[str]:
    if isinstance(node, nodes.Name) and node.name not in bound:
        yield node.name
    if isinstance(node, nodes.For):
        target = node.target.name if isinstance(node.target, nodes.Name) else ""
        yield from _free_names(node.iter, bound)
        for child in (*node.body, *([node.test] if node.test else [])):
            yield from _free_names(child, bound | {target, "loop"})
        for child in node.else_:
            yield from _free_names(child, bound)
        return
    for child in node.iter_child_nodes():
        yield from _free_names(child, bound)


def _count_loops(tree: nodes.Template) -> None:
    for loop in tree.find_all(nodes.For):
        loop.iter = nodes.Filter(loop.iter, "counted", [], [], None, None, lineno=loop.lineno)


@pass_context
def _counted(context: Context, items: object) -> list[object]:
    if not isinstance(items, list | tuple | range | Iterator):
        raise RenderError("a loop runs over a list or a range")
    taken = list(items)
    _spend(context, len(taken))
    return taken


@pass_context
def _range(context: Context, *limits: int) -> range:
    numbers = range(*limits)
    _spend(context, len(numbers))
    return numbers


def _spend(context: Context, steps: int) -> None:
    allowance: _Allowance = context[_ALLOWANCE]
    allowance.left -= steps
    if allowance.left < 0:
        raise RenderError(f"the loops of the template go through more than {MAX_STEPS:,} items")


def _join(items: Iterable[object], separator: str = "") -> str:
    if not isinstance(items, list | tuple | Iterator):
        raise RenderError("join works on a list")
    texts = [_plain(item) for item in items]
    if sum(map(len, texts)) + len(separator) * len(texts) > MAX_OUTPUT:
        raise RenderError(f"join grows beyond {MAX_OUTPUT:,} characters")
    return str(separator).join(texts)


def _printed(value: object) -> str:
    """Put a value into the stream between NULs, where template text cannot be: its kind, then itself."""
    if isinstance(value, Fenced):
        return f"\x00F{value.name}\x00"
    if isinstance(value, StrictUndefined):
        return str(value)
    return f"\x00{'T' if isinstance(value, Trusted) else 'V'}{_plain(value)}\x00"


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return json.dumps(value)
    if not isinstance(value, str):
        raise RenderError(f"only texts and numbers can be printed, not {_kind(value)}")
    if "\x00" in value:
        raise RenderError("a text to be printed has a NUL character")
    return str(value)


def _kind(value: object) -> str:
    if value is None:
        return "a variable without a value: put it inside {% if ... %}"
    if isinstance(value, Fenced):
        return f"{value.name}, which is untrusted and stands alone, as {{{{ {value.name} }}}}"
    return "a list: use a loop or |join" if isinstance(value, list | tuple | range) else type(value).__name__


def _split(text: str, values: Mapping[str, object]) -> Iterator[Piece | Fenced]:
    for index, part in enumerate(re.split("\x00([FTV][^\x00]*)\x00", text)):
        if index % 2 == 0:
            yield Piece(part, trusted=True)
        elif part[0] == "F":
            fenced = values[part[1:]]
            if isinstance(fenced, Fenced):
                yield fenced
        else:
            yield Piece(part[1:], trusted=part[0] == "T")
