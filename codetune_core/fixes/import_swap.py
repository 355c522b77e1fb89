"""Changes an import to another package, where everything that is used of it is the same there."""

import ast
import re
from collections.abc import Callable

from codetune_core.domain.document import Document
from codetune_core.domain.text import Edit, without_end
from codetune_core.fixes.imports import module_of
from codetune_core.fixes.surroundings import range_of

Allows = Callable[[str, ast.Call | None], bool]
"""Whether a name of the module, and the call of it where it is called, means the same in the other package."""


class ImportSwap:
    """The edits that read ``target`` for ``module`` in a document: in its import, and where its full name is used."""

    def __init__(self, document: Document, module: str, target: str, allows: Allows) -> None:
        self._document = document
        self._module = module
        self._target = target
        self._allows = allows
        self._tree = module_of(document).tree
        self._parents = {id(child): node for node in ast.walk(self._tree) for child in ast.iter_child_nodes(node)}

    def edits(self, local: str) -> tuple[Edit, ...]:
        """The edits for the import that binds ``local``; none where the import must stay."""
        imports = [node for node in ast.walk(self._tree) if isinstance(node, ast.Import | ast.ImportFrom)]
        binding = [(node, alias) for node in imports for alias in node.names if _local(alias) == local]
        if not binding or self._is_rebound(local) or self._is_quoted(local):
            return ()
        statement, alias = binding[0]
        if isinstance(statement, ast.Import) and not alias.asname:
            return self._dotted(local, [alias for _, alias in binding])
        if len(binding) > 1:
            return ()
        if isinstance(statement, ast.Import):
            return self._aliased(alias) if self._all_allow(local) else ()
        if statement.module == self._module:
            return self._names(statement)
        return self._submodule(statement, alias) if self._all_allow(local) else ()

    def _aliased(self, alias: ast.alias) -> tuple[Edit, ...]:
        """``import xml.etree.ElementTree as ET``."""
        return (Edit(range_of(self._document, alias), f"{self._target} as {alias.asname}"),)

    def _submodule(self, statement: ast.ImportFrom, alias: ast.alias) -> tuple[Edit, ...]:
        """``from xml.dom import minidom``."""
        if len(statement.names) > 1:
            return ()
        package, _, name = self._target.rpartition(".")
        local = _local(alias)
        renamed = name if name == local else f"{name} as {local}"
        return (Edit(range_of(self._document, statement), f"from {package} import {renamed}"),)

    def _names(self, statement: ast.ImportFrom) -> tuple[Edit, ...]:
        """``from xml.etree.ElementTree import Element, parse``: what cannot move stays in a statement of its own."""
        moved = [alias for alias in statement.names if self._name_allows(alias)]
        kept = [alias for alias in statement.names if alias not in moved]
        if not kept:
            return self._whole(statement)
        place = range_of(self._document, statement)
        line = self._document.lines[place.start.line]
        alone = not line[: place.start.column].strip() and line.find(";") < 0
        if not moved or place.start.line != place.end.line or not alone:
            return ()
        newline = line[len(without_end(line)) :] or "\n"
        separator = newline + line[: place.start.column]
        texts = (_import_from(self._target, moved), _import_from(self._module, kept))
        return (Edit(place, separator.join(texts)),)

    def _whole(self, statement: ast.ImportFrom) -> tuple[Edit, ...]:
        place = range_of(self._document, statement)
        text = self._document.slice(place)
        found = re.match(r"from\s+" + re.escape(self._module) + r"\b", text)
        return (Edit(place, f"from {self._target}{text[found.end() :]}"),) if found else ()

    def _dotted(self, local: str, aliases: list[ast.alias]) -> tuple[Edit, ...]:
        """``import xml.etree.ElementTree``: each ``xml.etree.ElementTree.parse`` is renamed too."""
        own = [alias for alias in aliases if alias.name == self._module]
        others = [alias.name for alias in aliases if alias.name != self._module]
        if len(own) != 1 or any(_is_part(self._module, other) or _is_part(other, self._module) for other in others):
            return ()
        places: list[ast.alias | ast.expr] = [*own]
        for name in self._loads(local):
            chain = self._chain(name)
            whole = self._full(chain, self._module)
            if whole is not None and self._attribute_allows(whole):
                places.append(whole)
            elif not any(self._full(chain, other) is not None for other in others):
                return ()
        return tuple(Edit(range_of(self._document, node), self._target) for node in places)

    def _chain(self, name: ast.Name) -> list[ast.expr]:
        """``xml``, ``xml.dom``, ``xml.dom.minidom``, ... as far as the expression goes."""
        chain: list[ast.expr] = [name]
        while isinstance(parent := self._parents[id(chain[-1])], ast.Attribute):
            chain.append(parent)
        return chain

    def _full(self, chain: list[ast.expr], module: str) -> ast.expr | None:
        return next((node for node in chain[:-1] if ast.unparse(node) == module), None)

    def _all_allow(self, local: str) -> bool:
        return all(self._attribute_allows(name) for name in self._loads(local))

    def _attribute_allows(self, module: ast.expr) -> bool:
        taken = self._parents[id(module)]
        return isinstance(taken, ast.Attribute) and self._allows(taken.attr, self._call(taken))

    def _name_allows(self, alias: ast.alias) -> bool:
        uses = self._loads(_local(alias))
        return self._allows(alias.name, None) and all(self._allows(alias.name, self._call(use)) for use in uses)

    def _call(self, function: ast.expr) -> ast.Call | None:
        parent = self._parents[id(function)]
        return parent if isinstance(parent, ast.Call) and parent.func is function else None

    def _loads(self, local: str) -> list[ast.Name]:
        return [node for node in ast.walk(self._tree) if isinstance(node, ast.Name) and node.id == local]

    def _is_rebound(self, local: str) -> bool:
        stored = any(not isinstance(name.ctx, ast.Load) for name in self._loads(local))
        return stored or any(isinstance(node, ast.arg) and node.arg == local for node in ast.walk(self._tree))

    def _is_quoted(self, local: str) -> bool:
        """Whether a text looks like an annotation that uses the name."""
        used = re.compile(rf"(?:\w+\[)*{re.escape(local)}\.[\w.]+(?: \| \w+|\])*")
        texts = (node.value for node in ast.walk(self._tree) if isinstance(node, ast.Constant))
        return any(isinstance(text, str) and used.fullmatch(text) for text in texts)


def _import_from(module: str, names: list[ast.alias]) -> str:
    return f"from {module} import {', '.join(map(ast.unparse, names))}"


def _is_part(module: str, package: str) -> bool:
    return module.startswith(f"{package}.")


def _local(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]
