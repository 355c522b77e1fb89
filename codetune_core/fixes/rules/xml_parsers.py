"""Fixes for XML parsers that expand entities and load external ones: the same functions of defusedxml."""

import ast
from collections.abc import Iterator

import libcst as cst

from codetune_core.domain.fix import Applicability
from codetune_core.fixes.import_swap import ImportSwap
from codetune_core.fixes.registry import Proposal, fixes
from codetune_core.fixes.site import Site

_NO_CALL = 0
_TREE = {
    "parse": 2, "iterparse": 3, "fromstring": 1, "XML": 1, "XMLParser": _NO_CALL, "ParseError": 2, "tostring": 3,
}  # fmt: skip
_MODULES = {
    "xml.etree.ElementTree": ("defusedxml.ElementTree", _TREE),
    "xml.etree.cElementTree": ("defusedxml.ElementTree", _TREE),
    "xml.dom.minidom": ("defusedxml.minidom", {"parse": 3, "parseString": 2}),
    "xml.dom.pulldom": ("defusedxml.pulldom", {"parse": 3, "parseString": 2}),
    "xml.dom.expatbuilder": ("defusedxml.expatbuilder", {"parse": 2, "parseString": 2}),
    "xml.sax": ("defusedxml.sax", {"parse": 3, "parseString": 3, "make_parser": 1}),
    "xml.sax.expatreader": ("defusedxml.expatreader", {"create_parser": 2}),
}
"""Module of defusedxml 0.7, and how many positional arguments of each of its names mean the same in both."""
_WITHOUT_PARSER = ("fromstring", "XML")
_NOTE = (
    "Needs another package: `pip install defusedxml`, and name it among the project's dependencies. Documents that "
    "declare entities raise `defusedxml.EntitiesForbidden`, a `ValueError`; all others are read as before."
)


@fixes("S313", "S314", "S315", "S316", "S317", "S318", "S319")
def defused(site: Site) -> Iterator[Proposal]:
    """``ET.parse(file)`` with the import changed to ``defusedxml.ElementTree``, or else only the call."""
    call = site.nearest(cst.Call)
    module, _, name = site.imports.qualified(call.func).rpartition(".") if call else ("", "", "")
    target, names = _MODULES.get(module, ("", {}))
    if call is None or not _fits(names, name, _parsed(site, call)):
        return
    swap = ImportSwap(site.document, module, target, lambda name, call: _fits(names, name, call))
    edits = swap.edits(site.code(call.func).partition(".")[0])
    if edits:
        yield Proposal(f"parse with {target}", Applicability.UNSAFE, edits, note=_NOTE)
        return
    reference = site.imports.reference(target, name)
    if reference:
        edits = (site.replace(call.func, reference.code),)
        yield Proposal(f"parse with {target}", Applicability.UNSAFE, edits, (reference,), _NOTE)


def _parsed(site: Site, call: cst.Call) -> ast.Call | None:
    node = ast.parse(site.code(call.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])), mode="eval").body
    return node if isinstance(node, ast.Call) else None


def _fits(names: dict[str, int], name: str, call: ast.Call | None) -> bool:
    """Whether defusedxml has the name, and takes what it is called with."""
    if name not in names:
        return False
    if call is None:
        return True
    unpacked = any(isinstance(arg, ast.Starred) for arg in call.args) or any(word.arg is None for word in call.keywords)
    parser = name in _WITHOUT_PARSER and any(word.arg == "parser" for word in call.keywords)
    return not unpacked and not parser and len(call.args) <= names[name]
