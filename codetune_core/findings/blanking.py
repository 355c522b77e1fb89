r"""Comments, docstrings and strings of a text in any language, found by one scan and blanked so that positions stay.

The scan also reads fragments and broken text: a string that is not closed ends with its line, a block or a
triple-quoted string with the text. Possessive quantifiers throughout: the scan is linear for every text.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_TRIPLE = r'"""(?:[^"\\]++|\\.|"(?!""))*+(?:"""|\\?\Z)'
_TRIPLE_SINGLE = r"'''(?:[^'\\]++|\\.|'(?!''))*+(?:'''|\\?\Z)"
_DOUBLE = r'"(?:[^"\\\r\n]++|\\(?:\r\n|.))*+"?'
_SINGLE = r"'(?:[^'\\\r\n]++|\\(?:\r\n|.))*+'?"
_CHARACTER = r"'(?:\\[^'\r\n]*+|[^'\\\r\n])'"
_TEMPLATE = r"`(?:[^`\\]++|\\.)*+`?"
_RAW_TEMPLATE = r"`[^`]*+`?"
_RAW = r'(?<!\w)r(?P<marks>#++)"(?:[^"]++|"(?!(?P=marks)))*+(?:"(?P=marks)|\Z)|(?<!\w)r"[^"]*+"?'
_VERBATIM = r'@"(?:[^"]++|"")*+"?'
_OPERATOR = r"[=(,:;!&|?{}\[~+*%<>^-]"
_CLASS = r"\[(?:\\.|[^\]\\\r\n]){0,200}+\]"
_REGEX = rf"(?:(?<={_OPERATOR})|(?<={_OPERATOR} ))/(?![*/])(?:\\.|{_CLASS}|[^/\\\[\r\n]){{1,500}}+/"
_ESCAPED = r"\\."
_HASH = r"#[^\r\n]*+"
_HASH_APART = r"(?<![^\s;|&()])#[^\r\n]*+"
_HASH_NO_ATTRIBUTE = r"#(?!\[)[^\r\n]*+"
_SLASHES = r"//[^\r\n]*+"
_BLOCK = r"/\*(?:[^*]++|\*(?!/))*+(?:\*/)?"
_BEGIN = r"(?<![^\r\n])=begin\b.*?(?:(?<=[\r\n])=end\b|\Z)"
_DASHES = r"--[^\r\n]*+"
_SEMICOLON = r"(?<![^\r\n])[ \t]*+[;#][^\r\n]*+|(?<=\s);[^\r\n]*+"
_TAG = r"<!--(?:[^-]++|-(?!->))*+(?:-->)?"


def _scanner(comments: Iterable[str], strings: Iterable[str]) -> re.Pattern[str]:
    groups = (("comment", "|".join(comments)), ("string", "|".join(strings)))
    return re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in groups if pattern), re.DOTALL)


_PYTHON = _scanner([_HASH], [_TRIPLE, _TRIPLE_SINGLE, _DOUBLE, _SINGLE])
_C = _scanner([_SLASHES, _BLOCK], [_DOUBLE, _CHARACTER])
_JAVA = _scanner([_SLASHES, _BLOCK], [_TRIPLE, _DOUBLE, _CHARACTER])
_SCRIPT = _scanner([_SLASHES, _BLOCK], [_DOUBLE, _SINGLE, _TEMPLATE, _REGEX])
_SHELL = _scanner([_HASH_APART], [_ESCAPED, _DOUBLE, _SINGLE])
_SCANNERS = {
    "python": _PYTHON,
    **dict.fromkeys(("javascript", "javascriptreact", "typescript", "typescriptreact"), _SCRIPT),
    **dict.fromkeys(("c", "cpp"), _C),
    **dict.fromkeys(("java", "kotlin", "swift"), _JAVA),
    **dict.fromkeys(("shellscript", "yaml", "dotenv"), _SHELL),
    **dict.fromkeys(("html", "xml", "markdown"), _scanner([_TAG], [])),
    "go": _scanner([_SLASHES, _BLOCK], [_DOUBLE, _CHARACTER, _RAW_TEMPLATE]),
    "rust": _scanner([_SLASHES, _BLOCK], [_RAW, _DOUBLE, _CHARACTER]),
    "csharp": _scanner([_SLASHES, _BLOCK], [_TRIPLE, _VERBATIM, _DOUBLE, _CHARACTER]),
    "php": _scanner([_SLASHES, _BLOCK, _HASH_NO_ATTRIBUTE], [_DOUBLE, _SINGLE]),
    "ruby": _scanner([_BEGIN, _HASH], [_DOUBLE, _SINGLE]),
    "toml": _scanner([_HASH], [_TRIPLE, _TRIPLE_SINGLE, _DOUBLE, r"'[^'\r\n]*+'?"]),
    "terraform": _scanner([_SLASHES, _BLOCK, _HASH], [_DOUBLE]),
    "sql": _scanner([_DASHES, _BLOCK], [r"'(?:[^'\r\n]++|'')*+'?", r'"[^"\r\n]*+"?']),
    "css": _scanner([_BLOCK], [_DOUBLE, _SINGLE]),
    "ini": _scanner([_SEMICOLON], []),
}
"""By language. What is taken for a comment by mistake is only missing where comments are left out."""
_NOT_BLANK = re.compile(r"[^\r\n]++")
_DECLARES = re.compile(r"[ \t]*+(?:(?:async[ \t]++)?def|class)\b|[ \t]*+\)")
_STRING_PREFIX = {"", "r", "R", "u", "U"}
_ENDS_STATEMENT = re.compile(r"[ \t]*+(?:[\r\n#;]|\Z)")


@dataclass(frozen=True, slots=True)
class Span:
    """A comment, docstring or string: offsets of its first character and of the one after its last."""

    start: int
    end: int
    comment: bool
    """A comment or a docstring; else a string that the program uses."""

    @property
    def place(self) -> tuple[int, int]:
        """Both offsets."""
        return self.start, self.end


def spans(text: str, language: str, *, fragment: bool = False) -> Iterator[Span]:
    """Comments, docstrings and strings in order; none where the language is not known.

    A string that begins a fragment is never taken for a docstring: it may be the end of an expression.
    """
    scanner = _SCANNERS.get(language)
    for found in scanner.finditer(text) if scanner else ():
        comment = found.lastgroup == "comment"
        docstring = not comment and scanner is _PYTHON and _is_docstring(text, *found.span(), fragment=fragment)
        yield Span(*found.span(), comment or docstring)


def blanked(text: str, gone: Iterable[tuple[int, int]]) -> str:
    """Put a space for every character between these offsets except line ends, so that all other positions stay.

    They come in order, and may overlap.
    """
    parts, done = [], 0
    for start, end in gone:
        parts += [text[done:start], _NOT_BLANK.sub(_spaces, text[max(start, done) : end])]
        done = max(done, end)
    return "".join([*parts, text[done:]])


def _spaces(found: re.Match[str]) -> str:
    return " " * len(found[0])


def _is_docstring(text: str, start: int, end: int, *, fragment: bool) -> bool:
    if not _ENDS_STATEMENT.match(text, end):
        return False
    line = _line_start(text, start)
    if text[line:start].strip() not in _STRING_PREFIX:
        return False
    before = line
    while before > 0:
        before = _line_start(text, before - 1)
        code = text[before:line].partition("#")[0].rstrip()
        if code.strip():
            return code.endswith(":") and _DECLARES.match(code) is not None
        line = before
    return not fragment


def _line_start(text: str, offset: int) -> int:
    after_feed = text.rfind("\n", 0, offset) + 1
    return max(text.rfind("\r", after_feed, offset) + 1, after_feed)
