"""Whether edits outside the requested code do nothing but add imports, which new code may need."""

import ast
import builtins
from collections import Counter
from collections.abc import Iterable, Sequence
from io import StringIO
from symtable import symtable
from tokenize import COMMENT, TokenError, generate_tokens

from codetune_core.domain.document import Document
from codetune_core.domain.text import Edit

_Imported = tuple[str, str, str]
"""Module with its leading dots, name (empty for ``import``), and the name it is bound to."""


def adds_only_imports(document: Document, edits: Sequence[Edit]) -> bool:
    """Say whether the edits insert text, and all it does is to import under names that the module did not have.

    The rest of the module stays what it was, its comments included.
    """
    if document.language != "python" or not all(_only_inserts(document, edit) for edit in edits):
        return False
    try:
        edited = document.edited(edits).text
        before, after = _parsed(document.text), _parsed(edited)
        same_comments = _comments(document.text) == _comments(edited)
    except (SyntaxError, ValueError, RecursionError, MemoryError, TokenError):
        return False
    known, present = Counter(_imports(before)), Counter(_imports(after))
    taken = _bound(document.text) | frozenset(dir(builtins))
    return (
        same_comments
        and not known - present
        and _rest(before) == _rest(after)
        and all(imported in known or _harmless(imported, known, taken) for imported in present - known)
    )


def _only_inserts(document: Document, edit: Edit) -> bool:
    """Whether what stands at the place stays, before or after the new text."""
    old, new = document.slice(edit.range), edit.new_text
    start = next((index for index, (was, is_now) in enumerate(zip(old, new, strict=False)) if was != is_now), len(old))
    added = new[start : len(new) - len(old) + start]
    return len(new) >= len(old) and new.endswith(old[start:]) and bool(added.strip())


def _parsed(text: str) -> ast.Module:
    return ast.parse(text.removeprefix("\ufeff"))


def _comments(text: str) -> list[str]:
    return [token.string for token in generate_tokens(StringIO(text).readline) if token.type == COMMENT]


def _imports(tree: ast.Module) -> Iterable[_Imported]:
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from ((alias.name, "", alias.asname or alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((module, alias.name, alias.asname or alias.name) for alias in node.names)


def _rest(tree: ast.Module) -> list[str]:
    return [ast.dump(node) for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]


def _harmless(imported: _Imported, known: Iterable[_Imported], taken: frozenset[str]) -> bool:
    """Whether an added import changes the meaning of no other line: it hides no name that other code may use."""
    module, name, bound = imported
    if module == "__future__" or bound == "*":
        return False
    is_submodule = not name and any(not of and package == bound for package, of, _ in known)
    return is_submodule or bound not in taken


def _bound(text: str) -> frozenset[str]:
    """The names that a module gives a meaning to, at its top level."""
    symbols = symtable(text.removeprefix("\ufeff"), "", "exec").get_symbols()
    return frozenset(
        symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()
    )
