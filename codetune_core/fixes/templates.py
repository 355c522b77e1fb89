"""A string that an expression builds: the literals it is made of, and the values put between their characters."""

import ast
import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from codetune_core.domain.text import Range
from codetune_core.fixes.site import Site

_PERCENT = re.compile(r"%(?:\((?P<key>[^)]*)\))?(?P<flags>[-#0 +]*)(?P<width>[\d.*]*)(?P<kind>[a-zA-Z%])")

_ESCAPE_OR_QUOTE = re.compile(r'\\.|"', re.DOTALL)


class NotATemplate(Exception):  # noqa: N818 - says what the expression is
    """The expression builds no string in a way that is understood here."""


@dataclass(frozen=True)
class Slot:
    """A value in the string.

    Attributes:
        code: the expression, on one line.
        conversion: ``r``, ``s``, ``a`` or empty, as in an f-string.
        spec: format specification, empty for none.
        node: the value's expression; None where the text only names a key of a mapping.
        is_text: joined with ``+``, so a string for certain.
    """

    code: str
    conversion: str = ""
    spec: str = ""
    node: cst.BaseExpression | None = None
    is_text: bool = False

    @property
    def plain(self) -> bool:
        """Whether the value stands in the string as ``str`` writes it."""
        return not self.spec and self.conversion in ("", "s")

    def in_f_string(self) -> str:
        """The value as a replacement field."""
        conversion = f"!{self.conversion}" if self.conversion else ""
        return f"{{{self.code}{conversion}{':' + self.spec if self.spec else ''}}}"


@dataclass(frozen=True)
class Literal:
    """A string literal: its node, prefix without ``f``, quotes, and its source text (no ``{{``, ``%%``) and slots."""

    node: cst.SimpleString | cst.FormattedString
    prefix: str
    quote: str
    parts: tuple[str | Slot, ...]

    @property
    def is_raw(self) -> bool:
        """Whether backslashes stand for themselves."""
        return "r" in self.prefix.lower()

    def cooked(self, text: str) -> str:
        """The characters that a piece of this literal's source stands for; raises NotATemplate where cut wrongly."""
        if self.is_raw or "\\" not in text:
            return text
        try:
            quoted = _ESCAPE_OR_QUOTE.sub(lambda match: match[0] if match[0] != '"' else '\\"', text)
            return str(ast.literal_eval(f'"""{quoted}"""'))
        except (SyntaxError, ValueError) as error:
            raise NotATemplate from error


Item = Literal | Slot


class Template:
    """The literals and slots of an expression, in order.

    A Slot beside the literals is an operand of ``+``. ``rest`` is what follows the literals: ``% values`` or
    ``.format(values)``.
    """

    def __init__(self, site: Site, expression: cst.BaseExpression) -> None:
        """Raises NotATemplate."""
        self._site = site
        self.expression = expression
        self.items: list[Item] = []
        self._ranges: list[Range] = []
        self._format = expression
        match expression:
            case cst.BinaryOperation(operator=cst.Modulo(), left=left):
                self._gather(left)
                self._fill(_PercentValues(site, expression.right))
            case cst.Call(func=cst.Attribute(value=left, attr=cst.Name("format"))):
                self._gather(left)
                self._fill(_FormatValues(site, expression))
            case _:
                self._gather(expression)

    @property
    def literals(self) -> list[Literal]:
        """The literals alone."""
        return [item for item in self.items if isinstance(item, Literal)]

    @property
    def slots(self) -> list[Slot]:
        """Every value, in order."""
        found: list[Slot] = []
        for item in self.items:
            found += [item] if isinstance(item, Slot) else [part for part in item.parts if isinstance(part, Slot)]
        return found

    def rewritten(self, bodies: Sequence[str]) -> str:
        """The expression with other texts in its literals, in their order, and without the operands that are slots.

        Literals that stand on one line and have the same quotes become one, others follow one another without ``+``.
        """
        document, whole = self._site.document, self._site.range(self.expression)
        outer = self._site.range_with_parentheses(self.expression)
        new, waiting = document.slice(Range(outer.start, whole.start)), list(bodies)
        previous: tuple[Literal, Range] | None = None
        gap_from = whole.start
        for item, place in zip(self.items, self._ranges, strict=True):
            if isinstance(item, Slot):
                gap_from = place.end
                continue
            opening, text, closing = item.prefix + item.quote, waiting.pop(0), item.quote
            if previous and self._operands and _mergeable(previous, (item, place)):
                new = new[: -len(closing)] + text + closing
            else:
                gap = document.slice(Range(gap_from, place.start))
                new += (_without_plus(gap) if previous and self._operands else gap) + opening + text + closing
            previous, gap_from = (item, place), place.end
        if self._format is self.expression and self._tail_is_kept:
            new += document.slice(Range(gap_from, whole.end))
        return new + document.slice(Range(whole.end, outer.end))

    @property
    def _operands(self) -> bool:
        return any(isinstance(item, Slot) for item in self.items)

    @property
    def _tail_is_kept(self) -> bool:
        return not isinstance(self.expression, cst.Call) and not (
            isinstance(self.expression, cst.BinaryOperation) and isinstance(self.expression.operator, cst.Modulo)
        )

    def _gather(self, node: cst.BaseExpression) -> None:
        match node:
            case cst.BinaryOperation(operator=cst.Add(), left=left, right=right):
                if node.lpar and node is not self.expression:
                    self._add(Slot(_one_line(self._site, node), node=node, is_text=True), node)
                    return
                self._gather(left)
                self._gather(right)
            case cst.ConcatenatedString(left=left, right=right):
                self._gather(left)
                self._gather(right)
            case cst.SimpleString():
                self._add(_literal(node, [node.raw_value]), node)
            case cst.FormattedString():
                self._add(_literal(node, [_f_string_part(self._site, part) for part in node.parts]), node)
            case _:
                self._add(Slot(_one_line(self._site, node), node=node, is_text=True), node)

    def _add(self, item: Item, node: cst.BaseExpression) -> None:
        if isinstance(item, Literal) and "b" in item.prefix.lower():
            raise NotATemplate
        self.items.append(item)
        self._ranges.append(self._site.range_with_parentheses(node))

    def _fill(self, values: "_PercentValues | _FormatValues") -> None:
        if any(isinstance(item, Slot) or any(isinstance(p, Slot) for p in item.parts) for item in self.items):
            raise NotATemplate
        filled: list[Item] = []
        for item in self.literals:
            text = "".join(part for part in item.parts if isinstance(part, str))
            filled.append(Literal(item.node, item.prefix, item.quote, tuple(values.split(text))))
        values.finish()
        self.items = filled


class _PercentValues:
    """The values behind ``%``."""

    def __init__(self, site: Site, values: cst.BaseExpression) -> None:
        self._site = site
        self._mapping = None if isinstance(values, cst.Tuple | cst.Dict) else values
        self._named: dict[str, cst.BaseExpression] = {}
        self._queue: list[cst.BaseExpression] = []
        if isinstance(values, cst.Tuple):
            self._queue = [element.value for element in values.elements if isinstance(element, cst.Element)]
            if len(self._queue) != len(values.elements):
                raise NotATemplate
        elif isinstance(values, cst.Dict):
            self._named = dict(_entries(values))
        else:
            self._queue = [values]

    def split(self, text: str) -> Iterator[str | Slot]:
        done = 0
        for match in _PERCENT.finditer(text):
            yield text[done : match.start()]
            yield "%" if match["kind"] == "%" else self._slot(match)
            done = match.end()
        if "%" in re.sub(_PERCENT, "", text):
            raise NotATemplate
        yield text[done:]

    def finish(self) -> None:
        if self._queue:
            raise NotATemplate

    def _slot(self, match: re.Match[str]) -> Slot:
        if match["kind"] not in "sdir" or match["flags"] or match["width"]:
            raise NotATemplate
        conversion = "r" if match["kind"] == "r" else ""
        key = match["key"]
        if key is None:
            if not self._queue:
                raise NotATemplate
            node = self._queue.pop(0)
            return Slot(_one_line(self._site, node), conversion, node=node)
        if self._mapping is not None:
            self._queue = []
            return Slot(f'{_one_line(self._site, self._mapping)}["{key}"]', conversion)
        if key not in self._named:
            raise NotATemplate
        return Slot(_one_line(self._site, self._named[key]), conversion, node=self._named[key])


class _FormatValues:
    """The arguments of ``.format``."""

    def __init__(self, site: Site, call: cst.Call) -> None:
        self._site = site
        if any(arg.star for arg in call.args):
            raise NotATemplate
        self._positional = [arg.value for arg in call.args if not arg.keyword]
        self._named = {arg.keyword.value: arg.value for arg in call.args if arg.keyword}
        self._next = 0

    def split(self, text: str) -> Iterator[str | Slot]:
        try:
            fields = list(string.Formatter().parse(text))
        except ValueError as error:
            raise NotATemplate from error
        for before, name, spec, conversion in fields:
            yield before
            if name is not None:
                yield self._slot(name, spec or "", conversion or "")

    def finish(self) -> None:
        pass

    def _slot(self, name: str, spec: str, conversion: str) -> Slot:
        if not name:
            name, self._next = str(self._next), self._next + 1
        if name.isdecimal() and int(name) < len(self._positional):
            node = self._positional[int(name)]
        elif name in self._named:
            node = self._named[name]
        else:
            raise NotATemplate
        if "{" in spec:
            raise NotATemplate
        return Slot(_one_line(self._site, node), conversion, spec, node)


def _literal(node: cst.SimpleString | cst.FormattedString, parts: Sequence[str | Slot]) -> Literal:
    if isinstance(node, cst.SimpleString):
        return Literal(node, node.prefix, node.quote, tuple(parts))
    quote = node.end
    prefix = node.start[: -len(quote)].replace("f", "").replace("F", "")
    return Literal(node, prefix, quote, tuple(parts))


def _f_string_part(site: Site, part: cst.BaseFormattedStringContent) -> str | Slot:
    if isinstance(part, cst.FormattedStringText):
        return part.value.replace("{{", "{").replace("}}", "}")
    if not isinstance(part, cst.FormattedStringExpression) or part.equal:
        raise NotATemplate
    spec = "".join(site.code(piece) for piece in part.format_spec or ())
    return Slot(_one_line(site, part.expression), part.conversion or "", spec, part.expression)


def _one_line(site: Site, node: cst.BaseExpression) -> str:
    code = site.code(node)
    if "\n" in code or "\r" in code or "#" in code:
        raise NotATemplate
    return code


def _entries(values: cst.Dict) -> Iterator[tuple[str, cst.BaseExpression]]:
    for element in values.elements:
        if not isinstance(element, cst.DictElement) or not isinstance(element.key, cst.SimpleString):
            raise NotATemplate
        yield str(element.key.evaluated_value), element.value


def _without_plus(gap: str) -> str:
    """What stands between two operands, comments and line ends, without the operator."""
    lines = gap.splitlines(keepends=True) or [""]
    for index, line in enumerate(lines):
        code, mark, comment = line.partition("#")
        margin = code[: len(code) - len(code.lstrip(" \t"))] if index else ""
        end = code[len(code.rstrip("\r\n")) :]
        if "+" in code:
            lines[index] = margin + ("  " if mark else "") + mark + comment + end
            break
    return "".join(lines) or " "


def _mergeable(one: tuple[Literal, Range], other: tuple[Literal, Range]) -> bool:
    same = (one[0].prefix, one[0].quote) == (other[0].prefix, other[0].quote)
    return same and one[1].end.line == other[1].start.line
