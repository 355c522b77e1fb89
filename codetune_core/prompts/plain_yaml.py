"""Reads and writes the part of YAML that says what JSON says, so that no value changes its type or its text."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import JsonValue

MAX_DEPTH = 20
_TAG = "tag:yaml.org,2002:"
_SCALARS = [
    ("null", re.compile(r"(?:null|~|)$"), ["n", "~", ""]),
    ("bool", re.compile(r"(?:true|false)$"), ["t", "f"]),
    ("int", re.compile(r"-?(?:0|[1-9][0-9]*)$"), list("-0123456789")),
    ("float", re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$"), list("-0123456789")),
]
_UNREADABLE = re.compile(r"[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_SPACE_AT_EDGE = re.compile(r"\A\s|[ \t]$|\n\n\Z", re.MULTILINE)

Path = tuple[str | int, ...]


class PlainYamlError(Exception):
    """Not the YAML meant here: what is wrong, and on which line, counted from 1."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(problem)
        self.line = line


@dataclass(frozen=True, slots=True)
class Loaded:
    """A value, and the line, counted from 1, on which each part of it stands."""

    value: JsonValue
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """Line of a part, or of the nearest part that holds it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


class _Loader(yaml.CSafeLoader):
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own way


class _Dumper(yaml.SafeDumper):
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002, ARG002
        super().increase_indent(flow, indentless=False)


for _name, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(_TAG + _name, _pattern, _first)
    _Dumper.add_implicit_resolver(_TAG + _name, _pattern, _first)


def load(text: str) -> Loaded:
    """Read one document without anchors, tags or dates: ``no``, ``1:30`` and ``2024-01-01`` are text.

    An empty text is None. Raises PlainYamlError, also for a key that stands twice and for deep nesting.
    """
    try:
        _check_events(text)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise PlainYamlError(error.problem or "not YAML", mark.line + 1 if mark else 1) from error
    except yaml.YAMLError as error:
        raise PlainYamlError("a character that YAML does not allow", 1) from error
    lines: dict[Path, int] = {}
    return Loaded(None if node is None else _value(node, (), lines), lines)


def dump(value: Mapping[str, JsonValue]) -> str:
    """Write a mapping, keys in their order; equal values give equal text, which ``load`` reads back."""
    if not value:
        return ""
    return yaml.dump(
        value, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=math.inf, default_flow_style=False
    )


def _check_events(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise PlainYamlError("anchors and aliases (& and *) are not read here; put the text in quotes", line)
        if getattr(event, "tag", None):
            raise PlainYamlError("tags (!) are not read here; put the text in quotes", line)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise PlainYamlError(f"nested more than {MAX_DEPTH} deep", line)


def _value(node: yaml.Node, path: Path, lines: dict[Path, int]) -> JsonValue:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return {key: _value(item, (*path, key), lines) for key, item in _items(node, path, lines)}
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, index), lines) for index, item in enumerate(node.value)]
    return _scalar(node)


def _items(node: yaml.MappingNode, path: Path, lines: dict[Path, int]) -> Iterator[tuple[str, yaml.Node]]:
    for key, item in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise PlainYamlError("a key is one line of text", line)
        if (*path, key.value) in lines:
            raise PlainYamlError(f"{key.value!r} stands here twice", line)
        lines[(*path, key.value)] = line
        yield key.value, item


def _scalar(node: yaml.Node) -> JsonValue:
    text: str = node.value
    kind = node.tag.removeprefix(_TAG)
    if kind == "null":
        return None
    if kind == "bool":
        return text == "true"
    if kind == "int":
        return _number(int, text, node)
    if kind == "float":
        return _number(float, text, node)
    return text


def _number(kind: type[int] | type[float], text: str, node: yaml.Node) -> JsonValue:
    try:
        number = kind(text)
    except ValueError as error:
        raise PlainYamlError("a number too long to be read", node.start_mark.line + 1) from error
    if math.isinf(number):
        raise PlainYamlError("a number too large to be read", node.start_mark.line + 1)
    return number


def _write_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None
    if _UNREADABLE.search(text):
        style = '"'
    elif "\n" in text:
        style = '"' if _SPACE_AT_EDGE.search(text) else "|"
    return dumper.represent_scalar(_TAG + "str", text, style=style)


def _write_list(dumper: yaml.SafeDumper, items: list[JsonValue]) -> yaml.SequenceNode:
    short = all(not isinstance(item, list | dict) and "\n" not in str(item) for item in items)
    return dumper.represent_sequence(_TAG + "seq", items, flow_style=short and len(str(items)) < 100)  # noqa: PLR2004


def _write_float(dumper: yaml.SafeDumper, number: float) -> yaml.ScalarNode:
    text = repr(number)
    return dumper.represent_scalar(_TAG + "float", text if "." in text or "e" in text else f"{text}.0")


_Dumper.add_representer(str, _write_text)
_Dumper.add_representer(list, _write_list)
_Dumper.add_representer(float, _write_float)
