"""The values of a prompt's variables, by their names: from the document, or given by the client."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from codetune_core.domain.document import Document
from codetune_core.domain.prompt import Variable, VariableType
from codetune_server.errors import failed, invalid_params
from codetune_server.mending.question import file_around
from codetune_server.prompted.docstring import style_of
from codetune_server.prompted.listing import WISHES
from codetune_server.prompted.place import Place


@dataclass(frozen=True, slots=True)
class Passage:
    """Code that a question is answered from: its lines, from 1, in the file at a path of the workspace."""

    path: str
    first: int
    last: int
    code: str


def numbered(passages: Iterable[Passage]) -> str:
    """Return passages as prompts have them, each under its number and its source."""
    return "\n\n".join(
        f"[{number}] {each.path} lines {each.first}-{each.last}\n{each.code}"
        for number, each in enumerate(passages, start=1)
    )


def values(
    variables: Iterable[Variable], document: Document, place: Place, path: str, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a value for every variable that has one here; ``path`` is the document's in its workspace.

    Raises RequestError that names what is required and cannot be known, and what is given and not declared.
    """
    declared = {variable.name: variable for variable in variables}
    if unknown := sorted(given.keys() - declared.keys()):
        raise invalid_params(
            f"The prompt has no variable {', '.join(unknown)}; it has {', '.join(declared) or 'none'}."
        )
    known = _known(document, place, path)
    found = {name: known[name] for name, each in declared.items() if known.get(name) and _fits(each, known[name])}
    found |= given
    if missing := [each for name, each in declared.items() if each.required and name not in found]:
        raise failed(_asked_for(missing))
    return found


def _known(document: Document, place: Place, path: str) -> dict[str, str]:
    first, last = place.range.start.line + 1, place.range.end.line + 1
    return {
        "code": place.code,
        "selection": place.code,
        "language": document.language,
        "path": path,
        "context": file_around(document, place.range),
        "passages": numbered((Passage(path, first, last, place.code),)),
        "signature": place.signature,
        "style": style_of(document),
        **dict.fromkeys(WISHES, place.wish),
    }


def _fits(variable: Variable, value: str) -> bool:
    if (variable.choices and value not in variable.choices) or (variable.name in WISHES and not variable.required):
        return False
    short_enough = variable.max_chars is None or len(value) <= variable.max_chars
    in_one_line = variable.type is not VariableType.LINE or "\n" not in value
    return variable.type in {VariableType.LINE, VariableType.TEXT, VariableType.CODE} and short_enough and in_one_line


def _asked_for(missing: list[Variable]) -> str:
    wanted = "; ".join(
        f"{each.name} ({each.description.rstrip('.')})" if each.description else each.name for each in missing
    )
    by_comment = " Or write it as a comment, and select that first." if missing[0].name in WISHES else ""
    return f"This needs to be told: {wanted}. Give it in the command's argument `variables`.{by_comment}"
