"""Fixes for commands that go through a shell: they become lists of arguments."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from codetune_core.domain.fix import Applicability
from codetune_core.domain.text import Edit
from codetune_core.fixes.registry import Proposal, fixes
from codetune_core.fixes.shell_words import NeedsShell, Word, words_of
from codetune_core.fixes.site import Site, argument, unpacks, without_argument
from codetune_core.fixes.slots import NotATemplate, Slot
from codetune_core.fixes.templates import Template
from codetune_core.fixes.text_types import is_text
from codetune_core.fixes.variables import moved_value

_TITLE = "pass the command as a list of arguments"
_SUBPROCESS = tuple(f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output", "Popen"))
_QUOTES = frozenset(("shlex.quote", "pipes.quote"))
_BY_HAND = """\
{reason}Without a shell, each of these is done in Python:

* pipes: give one process's output to the next (`stdin=first.stdout`), or `input=` of the second;
* redirects: `stdout=file`, `stderr=subprocess.STDOUT`;
* `&&`, `||`, `;`: separate calls, with `check=True`;
* `*` and `?`: `pathlib.Path.glob`; `~` and `$HOME`: `Path.home()`, `os.environ`; `cd`: `cwd=`; `NAME=value`: `env=`.

A value that has to go through a shell is quoted with `shlex.quote`."""
_LIST_NOTE = (
    "Each value is now one argument, whatever it holds: spaces in it no longer separate, `;` and `$()` mean nothing. "
    "A program that is not found raises `FileNotFoundError`."
)
_SYSTEM_NOTE = f"{_LIST_NOTE} `returncode` is the program's exit status, where `os.system` gave a wait status."


@fixes("S602", "S604")
def without_shell(site: Site) -> Iterator[Proposal]:
    """``subprocess.run(f"ls {path}", shell=True)`` -> ``subprocess.run(["ls", path])``."""
    call = site.call(*_SUBPROCESS)
    shell = argument(call, "shell") if call else None
    command = argument(call, "args", 0) if call else None
    if call is None or shell is None or command is None or unpacks(call) or argument(call, "executable"):
        yield _by_hand("")
        return
    try:
        written = _Command(site, command.value)
    except (NeedsShell, NotATemplate) as reason:
        yield _by_hand(str(reason))
        return
    if written.moved:
        edits = [written.edit(), site.replace(call, without_argument(call, shell))]
    else:
        index = call.args.index(command)
        args = [*call.args[:index], command.with_changes(value=written.expression), *call.args[index + 1 :]]
        changed = call.with_changes(args=args)
        edits = [site.replace(call, without_argument(changed, shell))]
    yield Proposal(_TITLE, Applicability.UNSAFE, tuple(edits), note=_LIST_NOTE)


@fixes("S605")
def without_os(site: Site) -> Iterator[Proposal]:
    """``os.system(f"ls {path}")`` -> ``subprocess.run(["ls", path], check=False)``; also ``os.popen(...).read()``."""
    call = site.call("os.system", "os.popen")
    command = argument(call, "command" if _is_system(site, call) else "cmd", 0) if call else None
    reference = site.imports.reference("subprocess", "run")
    if call is None or command is None or reference is None or unpacks(call) or len(call.args) > 1:
        yield _by_hand("")
        return
    try:
        written = _Command(site, command.value)
        node, tail = _result(site, call)
    except (NeedsShell, NotATemplate) as reason:
        yield _by_hand(str(reason))
        return
    listed = command.value.value if written.moved and isinstance(command.value, cst.Name) else written.code
    pipe = site.imports.reference("subprocess", "PIPE")
    if pipe is None:
        return
    reads = "" if _is_system(site, call) else f"stdout={pipe.code}, text=True, "
    run = site.replace(node, f"{reference.code}({listed}, {reads}check=False){tail}")
    edits = (written.edit(), run) if written.moved else (run,)
    note = _SYSTEM_NOTE if _is_system(site, call) else _LIST_NOTE
    yield Proposal(_TITLE, Applicability.UNSAFE, edits, (reference, pipe) if reads else (reference,), note)


@fixes("S609")
def wildcards(_site: Site) -> Iterator[Proposal]:
    """A ``*`` that a shell expands to names that begin with ``-``: how to go about it."""
    note = (
        "A file named `-rf` or `--checkpoint-action=...` is read as an option. List the files in Python and end the "
        'options first: `subprocess.run(["chown", "root", "--", *map(str, folder.glob("*"))], check=True)`.'
    )
    yield Proposal("list the files in Python", Applicability.DISPLAY_ONLY, note=note)


def _by_hand(reason: str) -> Proposal:
    said = f"This command needs its shell for {reason}. " if reason else ""
    return Proposal(_TITLE, Applicability.DISPLAY_ONLY, note=_BY_HAND.format(reason=said))


def _is_system(site: Site, call: cst.Call | None) -> bool:
    return call is not None and site.imports.qualified(call.func) == "os.system"


def _result(site: Site, call: cst.Call) -> tuple[cst.CSTNode, str]:
    """The node to replace, and what of the finished process stands in its place."""
    outer = site.parent(call)
    if _is_system(site, call):
        return call, "" if isinstance(outer, cst.Expr) else ".returncode"
    reads = site.parent(outer) if isinstance(outer, cst.Attribute) else None
    if isinstance(outer, cst.Attribute) and isinstance(reads, cst.Call) and not reads.args:
        tails = {"read": ".stdout", "readlines": ".stdout.splitlines(keepends=True)"}
        if outer.attr.value in tails:
            return reads, tails[outer.attr.value]
    raise NeedsShell("an open pipe")


@dataclass(init=False)
class _Command:
    """A command as a list of arguments: raises NeedsShell or NotATemplate where it cannot be one.

    Attributes:
        code: the list.
        moved: the command stands in a variable of its own, which then holds the list.
    """

    code: str
    moved: bool

    def __init__(self, site: Site, node: cst.BaseExpression) -> None:
        self._site = site
        self._built = node
        if isinstance(node, cst.List | cst.Tuple):
            self.code, self.moved = site.code(node), False
            return
        self.moved = isinstance(node, cst.Name)
        if isinstance(node, cst.Name):
            self._built = _assigned(site, node)
        words = words_of(Template(site, self._built))
        self.code = "[" + ", ".join(_argument(site, word) for word in words) + "]"

    @property
    def expression(self) -> cst.BaseExpression:
        """The list as a syntax tree."""
        return cst.parse_expression(self.code) if not isinstance(self._built, cst.List | cst.Tuple) else self._built

    def edit(self) -> Edit:
        """Where the command is assigned, put the list."""
        return self._site.replace(self._built, self.code)


def _assigned(site: Site, name: cst.Name) -> cst.BaseExpression:
    """The expression that a variable with one value and one use holds; raises NotATemplate."""
    function = site.nearest(cst.FunctionDef)
    assignments = [node for node in _walk(function) if isinstance(node, cst.Assign | cst.AnnAssign)] if function else []
    for assignment in assignments:
        moved = moved_value(site, assignment.value) if assignment.value else None
        if moved and moved.use is name and assignment.value:
            if re.search(r"\w\(", site.code(assignment.value)):
                raise NotATemplate
            return assignment.value
    raise NotATemplate


def _walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for child in node.children:
        yield child
        yield from _walk(child)


def _argument(site: Site, word: Word) -> str:
    """One argument as an expression: a literal, the value, or an f-string of both."""
    match word:
        case (str(text),):
            return _quoted(text)
        case (Slot() as slot,) if slot.plain:
            return _value(site, slot)
        case _:
            return _f_string(site, word)


def _value(site: Site, slot: Slot) -> str:
    inner = _quoted_by_hand(site, slot)
    if inner is not None:
        return inner
    return slot.code if slot.is_text or is_text(site, slot.node) else f"str({slot.code})"


def _quoted_by_hand(site: Site, slot: Slot) -> str | None:
    """What ``shlex.quote`` was to protect; None where it is not used."""
    call = slot.node
    if not isinstance(call, cst.Call) or site.imports.qualified(call.func) not in _QUOTES or len(call.args) != 1:
        return None
    return site.code(call.args[0].value)


def _f_string(site: Site, word: Word) -> str:
    fields = []
    for part in word:
        if isinstance(part, Slot):
            inner = _quoted_by_hand(site, part)
            fields.append(Slot(inner).in_f_string() if inner is not None else part.in_f_string())
        else:
            fields.append(_quoted(part)[1:-1].replace("{", "{{").replace("}", "}}"))
    inside = "".join(fields)
    values = "".join(field for field, part in zip(fields, word, strict=True) if isinstance(part, Slot))
    quote = next((mark for mark in "\"'" if mark not in inside), "")
    if not quote or "\\" in values:
        raise NotATemplate
    return f"f{quote}{inside}{quote}"


def _quoted(text: str) -> str:
    """A string literal, in double quotes where that needs no escapes."""
    written = repr(text)
    return f'"{written[1:-1]}"' if written[0] == "'" and '"' not in text else written
