"""The words in the names around a node, which tell what a value is for."""

import re

import libcst as cst

from codetune_core.fixes.site import Site

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def words_around(site: Site, node: cst.CSTNode) -> frozenset[str]:
    """Words, in lower case, of the names in the statement around a node, and of the functions and classes around it."""
    texts = []
    for outer in site.around(node):
        if isinstance(outer, cst.SimpleStatementLine):
            texts += re.findall(r"[A-Za-z_]\w*", site.code(outer))
        elif isinstance(outer, cst.FunctionDef | cst.ClassDef):
            texts.append(outer.name.value)
    return frozenset(word.lower() for text in texts for word in _WORD.findall(text))
