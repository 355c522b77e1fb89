"""A documentation comment of a model put where the language has it, in the signs of the language."""

import re

from codetune_core.domain.document import Document
from codetune_core.domain.text import Edit, Position, Range, indentation, without_end
from codetune_server.errors import failed
from codetune_server.prompted.layout import unwrapped
from codetune_server.prompted.place import Place
from codetune_server.prompted.python_code import Function, function, shape

_STYLES = {
    "javascript": "jsdoc", "javascriptreact": "jsdoc", "typescript": "jsdoc", "typescriptreact": "jsdoc",
    "java": "javadoc", "kotlin": "javadoc", "php": "javadoc", "c": "javadoc", "cpp": "javadoc", "swift": "javadoc",
    "csharp": "javadoc", "rust": "rustdoc", "go": "godoc",
}  # fmt: skip
_SIGNS = {"rustdoc": "/// ", "godoc": "// "}
_ENDS = re.compile(r"\*(?=/)|/(?=\*)|\\(?=u)")
"""What ends a comment, what begins one inside (Swift, Kotlin), and what Java reads as any character (JLS 3.3)."""
_SPHINX = re.compile(r"^[ \t]*:(?:param|returns?|raises|type)\b", re.MULTILINE)
_NUMPY = re.compile(r"^[ \t]*(?:Parameters|Returns|Raises)[ \t]*\r?\n[ \t]*-{3,}", re.MULTILINE)


def style_of(document: Document) -> str:
    """Return the manner of documentation comments in a document, by its language and what it has already."""
    if document.language != "python":
        return _STYLES.get(document.language, "plain")
    if _SPHINX.search(document.text):
        return "sphinx"
    return "numpy" if _NUMPY.search(document.text) else "google"


def check_documentable(document: Document, place: Place) -> None:
    """Raise RequestError where the language has no documentation comment that is known, or the code no place for it."""
    if document.language == "python":
        _end_of_documented(document, *_documentable(place))
    elif style_of(document) == "plain":
        raise failed(f"How comments are written in {document.language} is not known here.")


def documented(text: str, document: Document, place: Place) -> Edit | None:
    """Return the edit that adds a documentation comment, or replaces the one that is there.

    None where the text would change the code; raises RequestError where ``check_documentable`` does.
    """
    check_documentable(document, place)
    text = unwrapped(text).strip()
    if document.language == "python":
        return _in_python(text, document, place)
    style = style_of(document)
    first = place.range.start.line
    indent, end = indentation(document.lines[first]), document.line_end(first)
    lines = _with_signs(text.split("\n"), style)
    start = Position(first, 0)
    return Edit(Range(start, start), "".join(f"{indent}{line}".rstrip() + end for line in lines))


def _with_signs(lines: list[str], style: str) -> list[str]:
    if sign := _SIGNS.get(style):
        return [f"{sign}{line}" for line in lines]
    return ["/**", *(" * " + _ENDS.sub(r"\g<0> ", line) for line in lines), " */"]


def _in_python(text: str, document: Document, place: Place) -> Edit | None:
    edit = _edit(text, document, *_documentable(place))
    changed = document.edited([edit])
    end = document.offset(place.range.end) + len(changed.text) - len(document.text)
    after = changed.slice(Range(place.range.start, changed.position(end)))
    return edit if shape(after) == shape(place.code) else None


def _documentable(place: Place) -> tuple[Function, int]:
    """The function or class that a place consists of, and the line on which the place begins."""
    found = function(place.code)
    if found is None:
        raise failed("Select one whole function or class, or put the cursor into it.")
    if not found.is_apart:
        raise failed("The body stands on the line of the signature: put it on a line of its own first.")
    return found, place.range.start.line


def _edit(text: str, document: Document, found: Function, first: int) -> Edit:
    body = first + (found.documented[0] if found.documented else found.body)
    indent, end = indentation(document.lines[body]), document.line_end(body)
    written = "".join(f"{line.rstrip()}{end}" for line in _quoted(text, indent))
    start, last = Position(body, 0), _end_of_documented(document, found, first)
    return Edit(Range(start, last or start), written.removesuffix(end) if last else written)


def _end_of_documented(document: Document, found: Function, first: int) -> Position | None:
    """Where the documentation comment that is there ends, None where there is none."""
    if found.documented is None:
        return None
    last = first + found.documented[1]
    content = without_end(document.lines[last])
    if not content.rstrip().endswith(('"', "'")):
        raise failed("Something stands behind the documentation comment on its last line: move it first.")
    return Position(last, len(content))


def _quoted(text: str, indent: str) -> list[str]:
    safe = text.replace('"""', "'''")
    opening = 'r"""' if "\\" in safe else '"""'
    if safe.endswith("\\"):
        safe += " "
    lines = [f"{indent}{line}" if line.strip() else "" for line in safe.split("\n")]
    lines[0] = f"{indent}{opening}{safe.split(chr(10))[0]}"
    if len(lines) == 1 and not safe.endswith(('"', "\\ ")):
        return [f'{lines[0]}"""']
    return [*lines, f'{indent}"""']
