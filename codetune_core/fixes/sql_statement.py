"""SQL with values built into it, and the same with placeholders: by where each value stands in the statement."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from codetune_core.fixes.slots import NotATemplate, Slot
from codetune_core.fixes.templates import Literal, Template

_FIRST_SLOT = 0xE000
_SLOT = "[\ue000-\uefff]"
_EDGE = "\uf8ff"
_ESCAPED = {"\\'": "\uf8fd", '\\"': "\uf8fe"}
_SINGLE, _DOUBLE = "'\uf8fd", '"\uf8fe'

_STATEMENT = re.compile(r"[\s(\uf8ff]*(?:SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH|MERGE)\b", re.IGNORECASE)
_TOKEN = re.compile(
    rf"--[^\n]*|/\*.*?\*/"
    rf"|(?P<single>[{_SINGLE}])(?:(?!(?P=single)).|(?P=single){{2}})*(?P=single)"
    rf"|(?P<double>[{_DOUBLE}])(?:(?!(?P=double)).)*(?P=double)"
    rf"|`[^`]*`|\[[^\]]*\]|(?P<slot>{_SLOT})",
    re.DOTALL,
)
_COMPARED = re.compile(
    r"(?:[=<>+*/|-]|\b(?:NOT\s+)?I?LIKE|\bREGEXP|\bGLOB|\bLIMIT|\bOFFSET|\bBETWEEN|\bTHEN|\bELSE"
    r"|\bBETWEEN\s+\S+\s+AND|\bLIMIT\s+\S+\s*,)\s*\Z",
    re.IGNORECASE,
)
_LISTED = re.compile(
    r"(?:\bVALUES\s*(?:\([^()]*\)\s*,\s*)*|\bIN\s*"
    r"|\b(?:lower|upper|coalesce|ifnull|nullif|date|datetime|time|strftime|abs|round|length|trim|concat|md5|max|min)\s*)"
    r"\((?:[^()]|\([^()]*\))*\Z",
    re.IGNORECASE,
)
_BEGINS_ITEM = re.compile(r"[(,]\s*\Z")
_ONE_COLUMN = re.compile(r"\(\s*\w+\s*\)\s*VALUES\s*\(\s*\Z", re.IGNORECASE)
_LONE_ITEM = re.compile(r"(?:\bIN|\bVALUES)\s*\(\s*\Z", re.IGNORECASE)
_BEHIND = re.compile(r"\s*(?:\Z|[),;]|::|\s(?=[^\ue000-\uefff]))")
_JOINED_ON = re.compile(r"\bON\b(?:(?!\bWHERE\b).)*\Z", re.IGNORECASE | re.DOTALL)
_NAMES_SQL = re.compile(
    r"column|\bcol(?:_name)?\b|_col\b|field_?name|table|clause|expr|sql|query|condition|order_?by", re.IGNORECASE
)
_TYPED = re.compile(r"(?:\b(?:INTERVAL|DATE|TIME|TIMESTAMP|AS|COLLATE|ESCAPE|E|N|X|B|U&)|::)\s*\Z", re.IGNORECASE)
_PERCENT = re.compile(r"%")


@dataclass(frozen=True, slots=True)
class Style:
    """How a driver writes placeholders.

    Attributes:
        placeholder: from a value's name and its number (from 1) to the placeholder.
        named: whether values are given by name.
        existing: finds the placeholders that stand in a text already.
        doubles_percent: whether ``%`` stands for itself only when doubled.
        ansi_quotes: whether double quotes hold identifiers only.
    """

    placeholder: Callable[[str, int], str]
    named: bool = False
    existing: str = r"(?!)"
    doubles_percent: bool = False
    ansi_quotes: bool = False


@dataclass(frozen=True, slots=True)
class Value:
    """A bound value: its expression, its name, and how many placeholders of the text stand before it."""

    code: str
    name: str
    after: int
    calls: bool


class NotAValue(Exception):  # noqa: N818 - says what stands there
    """Something other than a value is built into the statement, which no placeholder can stand for."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A statement with placeholders: texts of its literals, and the values."""

    bodies: tuple[str, ...]
    values: tuple[Value, ...]


def bind(template: Template, style: Style, *, has_parameters: bool, given: int = 0) -> Bound:
    """Put placeholders where values stand.

    ``given`` is how many values a numbered style has already. Raises NotAValue, or NotATemplate.
    """
    return _Binding(template, style, has_parameters=has_parameters, given=given).run()


class _Binding:
    def __init__(self, template: Template, style: Style, *, has_parameters: bool, given: int) -> None:
        self._slots = template.slots
        self._style = style
        self._has_parameters = has_parameters
        self._given = given
        self._literals = template.literals
        self._flat = _flat(template)
        self._values: list[Value] = []
        self._names = set(re.findall(r"(?<!:):(\w+)|%\((\w+)\)s", self._flat)) if style.named else set()
        self._taken = {name for pair in self._names for name in pair}

    def run(self) -> Bound:
        if not self._slots or not _STATEMENT.match(self._flat):
            raise NotAValue
        new, plain, done = "", "", 0
        for token in _TOKEN.finditer(self._flat):
            between = self._flat[done : token.start()]
            new, plain = new + self._kept(between), plain + between
            written = token[0]
            if token["slot"]:
                written = self._bare(token, plain.replace(_EDGE, ""), new)
            elif re.search(_SLOT, written):
                written = self._quoted(token, plain.replace(_EDGE, ""), new)
            else:
                written = self._kept(written)
            new, plain, done = new + written, plain + token[0], token.end()
        new += self._kept(self._flat[done:])
        for raw, stand_in in _ESCAPED.items():
            new = new.replace(stand_in, raw)
        return Bound(tuple(new.split(_EDGE)), tuple(self._values))

    def _kept(self, text: str) -> str:
        doubled = self._style.doubles_percent and not self._has_parameters
        return text.replace("%", "%%") if doubled else text

    def _bare(self, token: re.Match[str], before: str, new: str) -> str:
        slot = self._slots[ord(token[0]) - _FIRST_SLOT]
        behind = self._flat[token.end() :].replace(_EDGE, "")
        if not _BEHIND.match(behind) or not _is_value_place(before, behind) or slot.spec or _joins(slot):
            raise NotAValue
        if _JOINED_ON.search(before) or _NAMES_SQL.search(slot.code):
            raise NotAValue
        code = slot.code if slot.is_text or slot.conversion != "s" else f"str({slot.code})"
        return self._placeholder(_unwrapped(code), slot, new)

    def _quoted(self, token: re.Match[str], before: str, new: str) -> str:
        inner = token[0][1:-1]
        if token[0][0] not in _SINGLE + _DOUBLE or _TYPED.search(before):
            raise NotAValue
        if token["double"] and (self._style.ansi_quotes or not _is_value_place(before, "")):
            raise NotAValue
        edges = inner.count(_EDGE)
        text = inner.replace(_EDGE, "")
        slots = [self._slots[ord(mark) - _FIRST_SLOT] for mark in re.findall(_SLOT, text)]
        if len(text) == 1 and slots[0].plain:
            code = _unescaped(slots[0].code if not slots[0].conversion else f"str({slots[0].code})")
        else:
            code = self._f_string(text, slots)
        name = slots[0] if len(slots) == 1 else Slot("value")
        return self._placeholder(code, name, new) + _EDGE * edges

    def _f_string(self, text: str, slots: Sequence[Slot]) -> str:
        if any(not isinstance(part, str) and _escapes(part) for part in slots):
            raise NotAValue
        prefixes = {literal.prefix.lower() for literal in self._literals}
        if len(prefixes) > 1:
            raise NotATemplate
        text = text.replace("''", "'").replace("{", "{{").replace("}", "}}")
        for raw, stand_in in _ESCAPED.items():
            text = text.replace(stand_in * 2, stand_in).replace(stand_in, raw[-1])
        fields = "".join(slot.in_f_string() for slot in slots)
        quote = next((mark for mark in "\"'" if mark not in fields and mark not in text), "")
        if not quote or "\n" in text or "\r" in text or "\\" in fields:
            raise NotATemplate
        for mark in re.findall(_SLOT, text):
            text = text.replace(mark, self._slots[ord(mark) - _FIRST_SLOT].in_f_string())
        return f"{prefixes.pop().replace('u', '')}f{quote}{text}{quote}"

    def _placeholder(self, code: str, slot: Slot, new: str) -> str:
        before = len(re.findall(self._style.existing, re.sub(r"'[^']*'", "", new)))
        name = self._name(slot, code)
        self._values.append(Value(code, name, before, calls="(" in code))
        return self._style.placeholder(name, self._given + len(self._values))

    def _name(self, slot: Slot, code: str) -> str:
        if not self._style.named:
            return ""
        found = re.findall(r"[A-Za-z]\w*", code if slot.code == "value" else slot.code)
        base = (found[-1] if slot.code.rstrip(")]\"'").endswith(found[-1]) else found[0]) if found else "value"
        base = "value" if slot.code == "value" else base.lower() if base.isupper() else base
        known = next((value.name for value in self._values if value.code == code), None)
        if known:
            return known
        name = next(n for n in (base, *(f"{base}_{number}" for number in range(2, 100))) if n not in self._taken)
        self._taken.add(name)
        return name


def _flat(template: Template) -> str:
    """The text of all literals, with one character for each slot and one between literals."""
    flat, number = "", 0
    for item in template.items:
        if isinstance(item, Literal):
            flat += _EDGE if flat else ""
            for part in item.parts:
                flat += _checked(part, item) if isinstance(part, str) else chr(_FIRST_SLOT + number)
                number += isinstance(part, Slot)
        elif not flat:
            raise NotAValue
        else:
            flat += chr(_FIRST_SLOT + number)
            number += 1
    return flat


def _checked(text: str, literal: Literal) -> str:
    if re.search("[\ue000-\uf8ff]", text):
        raise NotATemplate
    if not literal.is_raw:
        for raw, stand_in in _ESCAPED.items():
            text = text.replace(raw, stand_in)
    return text


def _is_value_place(before: str, behind: str) -> bool:
    """Whether a value, and nothing else, can stand behind this text."""
    if _COMPARED.search(before):
        return True
    if not _BEGINS_ITEM.search(before) or not _LISTED.search(before):
        return False
    lone = _LONE_ITEM.search(before) and behind.lstrip().startswith(")")
    return not lone or bool(_ONE_COLUMN.search(before))


def _joins(slot: Slot) -> bool:
    """Whether a value looks like a list of values or of placeholders in one text."""
    return bool(re.search(r"\.join\(|placeholder|\bmarks\b|qmarks|\"\?\"|'\?'", slot.code))


def _escapes(slot: Slot) -> bool:
    return bool(re.search(r"escape|quote|\.replace\(\s*[\"']{1,2}", slot.code))


def _unwrapped(code: str) -> str:
    """``str(x)``, written to join it to the text, becomes ``x``."""
    match = re.fullmatch(r"str\(([^()]*(?:\([^()]*\))?[^()]*)\)", code)
    return match[1] if match else code


def _unescaped(code: str) -> str:
    """The value without the doubling of quotes that a placeholder makes needless."""
    match = re.fullmatch(r"""(.+)\.replace\(\s*(?:"'"|'\\'')\s*,\s*(?:"''"|'\\'\\'')\s*\)""", code)
    code = match[1] if match else code
    if re.search(r"escape|quote", code):
        raise NotAValue
    return code
