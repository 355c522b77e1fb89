"""Fixes for names of temporary files that somebody else can take first."""

from collections.abc import Iterator

import libcst as cst

from codetune_core.domain.fix import Applicability
from codetune_core.fixes.registry import Proposal, fixes
from codetune_core.fixes.site import Site, argument, unpacks

_PARAMETERS = ("suffix", "prefix", "dir")
_OPENED = frozenset(("mode", "buffering", "encoding", "newline", "errors"))
_NAME_NOTE = (
    "The file exists from now on, empty and readable by its owner only; whoever deletes it stays the same. "
    "Code that expects the name to be free (`os.mkdir`, `os.mkfifo`, mode `x`) needs `tempfile.mkdtemp()` instead."
)


@fixes("S306")
def named_temporary_file(site: Site) -> Iterator[Proposal]:
    """``tempfile.mktemp()`` -> ``tempfile.NamedTemporaryFile(delete=False).name``, or ``mkstemp``."""
    call = site.call("tempfile.mktemp")
    if call is None or unpacks(call):
        return
    keywords = _keywords(site, call)
    yield from _opened(site, call, keywords)
    reference = site.imports.reference("tempfile", "NamedTemporaryFile")
    if reference:
        code = f"{reference.code}({', '.join([*keywords, 'delete=False'])}).name"
        edit = site.replace(call, code)
        title = "create the file with `NamedTemporaryFile`"
        yield Proposal(title, Applicability.UNSAFE, (edit,), (reference,), _NAME_NOTE)
    yield from _made(site, call, keywords)


def _opened(site: Site, call: cst.Call, keywords: list[str]) -> Iterator[Proposal]:
    """``open(tempfile.mktemp(), "w")`` -> ``tempfile.NamedTemporaryFile("w", delete=False)``."""
    argument_of = site.parent(call)
    outer = site.parent(argument_of) if argument_of else None
    reference = site.imports.reference("tempfile", "NamedTemporaryFile")
    if not isinstance(outer, cst.Call) or outer.args[0] is not argument_of or reference is None:
        return
    mode = argument(outer, "mode", 1)
    writes = mode and any(letter in site.code(mode.value) for letter in "wa+")
    if site.imports.qualified(outer.func) != "open" or unpacks(outer) or not writes:
        return
    rest = [site.code(arg.with_changes(comma=cst.MaybeSentinel.DEFAULT)).strip() for arg in outer.args[1:]]
    if any(arg.keyword and arg.keyword.value not in _OPENED for arg in outer.args):
        return
    code = f"{reference.code}({', '.join([*rest, *keywords, 'delete=False'])})"
    edit = site.replace(outer, code)
    title = "create and open the file with `NamedTemporaryFile`"
    yield Proposal(title, Applicability.UNSAFE, (edit,), (reference,), "Only its owner can read the file.")


def _made(site: Site, call: cst.Call, keywords: list[str]) -> Iterator[Proposal]:
    """``path = tempfile.mktemp()`` -> ``descriptor, path = tempfile.mkstemp()`` and ``os.close(descriptor)``."""
    statement = site.parent(call)
    line = site.parent(statement) if statement else None
    reference, close = site.imports.reference("tempfile", "mkstemp"), site.imports.reference("os", "close")
    if not isinstance(statement, cst.Assign) or len(statement.targets) != 1 or reference is None or close is None:
        return
    target = statement.targets[0].target
    if not isinstance(line, cst.SimpleStatementLine) or len(line.body) > 1 or site.imports.bound("descriptor"):
        return
    if not isinstance(target, cst.Name | cst.Attribute | cst.Subscript):
        return
    first = site.document.lines[site.range(line).start.line]
    margin = first[: len(first) - len(first.lstrip())]
    code = (
        f"descriptor, {site.code(target)} = {reference.code}({', '.join(keywords)})\n{margin}{close.code}(descriptor)"
    )
    edit = site.replace(statement, code)
    yield Proposal("create the file with `mkstemp`", Applicability.UNSAFE, (edit,), (reference, close), _NAME_NOTE)


def _keywords(site: Site, call: cst.Call) -> list[str]:
    """The arguments of ``mktemp`` as keyword arguments."""
    names = [arg.keyword.value if arg.keyword else _PARAMETERS[index] for index, arg in enumerate(call.args)]
    return [f"{name}={site.code(arg.value)}" for name, arg in zip(names, call.args, strict=True)]
