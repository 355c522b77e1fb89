"""A string that an expression builds: the literals it is made of, and the values put between their characters."""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from codetune_core.domain.text import Range
from codetune_core.fixes.site import Site
from codetune_core.fixes.slots import FormatValues, NotATemplate, PercentValues, Slot, one_line

_ESCAPE_OR_QUOTE = re.compile(r'\\.|"', re.DOTALL)


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
                self._fill(PercentValues(site, expression.right))
            case cst.Call(func=cst.Attribute(value=left, attr=cst.Name("format"))):
                self._gather(left)
                self._fill(FormatValues(site, expression))
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
                    self._add(Slot(one_line(self._site, node), node=node, is_text=True), node)
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
                self._add(Slot(one_line(self._site, node), node=node, is_text=True), node)

    def _add(self, item: Item, node: cst.BaseExpression) -> None:
        if isinstance(item, Literal) and "b" in item.prefix.lower():
            raise NotATemplate
        self.items.append(item)
        self._ranges.append(self._site.range_with_parentheses(node))

    def _fill(self, values: PercentValues | FormatValues) -> None:
        if any(isinstance(item, Slot) or any(isinstance(p, Slot) for p in item.parts) for item in self.items):
            raise NotATemplate
        filled: list[Item] = []
        for item in self.literals:
            text = "".join(part for part in item.parts if isinstance(part, str))
            filled.append(Literal(item.node, item.prefix, item.quote, tuple(values.split(text))))
        values.finish()
        self.items = filled


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
    return Slot(one_line(site, part.expression), part.conversion or "", spec, part.expression)


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
