"""How each language writes comments; apart from what writes them, so that asking loads no parser."""

from codetune_core.domain.document import Document

_HASH, _SLASHES = ("# ", ""), ("// ", "")
MARKS = {
    **dict.fromkeys(("python", "shellscript", "yaml", "toml", "ruby", "terraform", "dotenv"), _HASH),
    **dict.fromkeys(("javascript", "javascriptreact", "typescript", "typescriptreact", "go", "rust"), _SLASHES),
    **dict.fromkeys(("java", "kotlin", "php", "c", "cpp", "csharp", "swift"), _SLASHES),
    "sql": ("-- ", ""),
    "ini": ("; ", ""),
    "css": ("/* ", " */"),
    **dict.fromkeys(("html", "xml", "markdown"), ("<!-- ", " -->")),
}
"""How a comment begins and ends, by language; a language that has none is missing."""
WHOLE_LINE = {"ini", "dotenv"}
"""Languages in which a comment has its line to itself."""


def takes_comments(document: Document) -> bool:
    """Say whether the document's language has comments."""
    return document.language in MARKS
