"""Where comments stand in texts of languages that are not parsed: strings are passed over, and doubt is a comment.

What is taken for a comment by mistake is only missing in the reading without comments; what is missed could speak to
the model. So strings end with their line wherever a language lets them.
"""

import re
from collections.abc import Iterator
from functools import cache

from codetune_core.findings.comments import MARKS

_DOUBLE = r'"(?:\\.|[^"\\\r\n])*"?'
_SINGLE = r"'(?:\\.|[^'\\\r\n])*'?"
_CHARACTER = r"'(?:\\[^'\r\n]*|[^'\\\r\n])'"
_TRIPLE = r'"""(?:\\.|[^\\])*?"""'
_TEMPLATE = r"`(?:\\.|[^`\\])*`"
_REGEX = r"[=(,:;!&|?{}\[~+*%<>^-]\s*/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\r\n])*\]|[^/\\\[\r\n])+/"
_BLOCK = r"/\*.*?(?:\*/|\Z)"
_LINE = r"//[^\r\n]*"
_HASH = r"#[^\r\n]*"
_WORD_HASH = r"(?<![^\s;|&()])#[^\r\n]*"
_SCRIPT = ((_TEMPLATE, _DOUBLE, _SINGLE, _REGEX), (_BLOCK, _LINE))
_C = ((_DOUBLE, _CHARACTER), (_BLOCK, _LINE))
_JAVA = ((_TRIPLE, _DOUBLE, _CHARACTER), (_BLOCK, _LINE))
_SHELL = ((r"\\.", _DOUBLE, _SINGLE), (_WORD_HASH,))
_STRINGS_AND_COMMENTS = {
    **dict.fromkeys(("javascript", "javascriptreact", "typescript", "typescriptreact"), _SCRIPT),
    "go": ((r"`[^`]*`", _DOUBLE, _CHARACTER), (_BLOCK, _LINE)),
    "rust": ((r'r(#+)"(?:.*?)"\1', r'r"[^"]*"', _DOUBLE, _CHARACTER), (_BLOCK, _LINE)),
    **dict.fromkeys(("java", "kotlin", "swift"), _JAVA),
    **dict.fromkeys(("c", "cpp"), _C),
    "csharp": ((_TRIPLE, r'@"(?:""|[^"])*"', _DOUBLE, _CHARACTER), (_BLOCK, _LINE)),
    "php": ((_DOUBLE, _SINGLE), (_BLOCK, _LINE, r"#(?!\[)[^\r\n]*")),
    **dict.fromkeys(("shellscript", "yaml", "dotenv"), _SHELL),
    "ruby": ((_DOUBLE, _SINGLE), (r"^=begin\b.*?(?:^=end\b|\Z)", _HASH)),
    "toml": ((_TRIPLE, r"'''.*?'''", _DOUBLE, r"'[^'\r\n]*'?"), (_HASH,)),
    "terraform": ((_DOUBLE,), (_BLOCK, _LINE, _HASH)),
    "sql": ((r"'(?:''|[^'\r\n])*'?", r'"[^"\r\n]*"?'), (_BLOCK, r"--[^\r\n]*")),
    "ini": ((), (r"^[ \t]*[;#][^\r\n]*", r"\s;[^\r\n]*")),
    "css": ((_DOUBLE, _SINGLE), (_BLOCK,)),
    **dict.fromkeys(("html", "xml", "markdown"), ((), (r"<!--.*?(?:-->|\Z)",))),
}
"""Patterns of strings and of comments, by language; of what begins at one place the first one counts."""


def comment_spans(text: str, language: str) -> Iterator[tuple[int, int]]:
    """First and last offset of each comment of a text, with its marks; none for a language without comments."""
    if language not in MARKS or language not in _STRINGS_AND_COMMENTS:
        return
    for found in _pattern(language).finditer(text):
        if found["comment"] is not None:
            yield found.span("comment")


@cache
def _pattern(language: str) -> re.Pattern[str]:
    strings, comments = _STRINGS_AND_COMMENTS[language]
    return re.compile("|".join([*strings, f"(?P<comment>{'|'.join(comments)})"]), re.DOTALL | re.MULTILINE)
