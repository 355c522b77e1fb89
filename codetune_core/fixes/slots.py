"""The values that ``%``, ``.format`` and replacement fields put into a string."""

import re
import string
from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from codetune_core.fixes.site import Site

_PERCENT = re.compile(r"%(?:\((?P<key>[^)]*)\))?(?P<flags>[-#0 +]*)(?P<width>[\d.*]*)(?P<kind>[a-zA-Z%])")


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


class PercentValues:
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
            return Slot(one_line(self._site, node), conversion, node=node)
        if self._mapping is not None:
            self._queue = []
            return Slot(f'{one_line(self._site, self._mapping)}["{key}"]', conversion)
        if key not in self._named:
            raise NotATemplate
        return Slot(one_line(self._site, self._named[key]), conversion, node=self._named[key])


class FormatValues:
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
        return Slot(one_line(self._site, node), conversion, spec, node)


def one_line(site: Site, node: cst.BaseExpression) -> str:
    """The source of an expression; raises NotATemplate where it has several lines or a comment."""
    code = site.code(node)
    if "\n" in code or "\r" in code or "#" in code:
        raise NotATemplate
    return code


def _entries(values: cst.Dict) -> Iterator[tuple[str, cst.BaseExpression]]:
    for element in values.elements:
        if not isinstance(element, cst.DictElement) or not isinstance(element.key, cst.SimpleString):
            raise NotATemplate
        yield str(element.key.evaluated_value), element.value
