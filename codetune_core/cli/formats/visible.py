"""Makes text of a workspace safe to print: what it holds is shown, and cannot steer the terminal or deceive the eye."""

import unicodedata
from collections.abc import Iterator
from itertools import takewhile

from rich.cells import cell_len

_TAB = 4
_JOINERS = "\u200c\u200d"
"""Format characters that belong to words and emoji, and neither hide nor reorder anything."""


def visible(text: str) -> str:
    """Expand tabs (stops at every fourth cell), and spell out control, bidirectional and other invisible characters.

    The latter are how code is made to read as what it is not (CVE-2021-42574, "Trojan Source").
    """
    if text.isascii() and text.isprintable():
        return text
    shown = ""
    for character in text:
        shown += " " * (_TAB - cell_len(shown) % _TAB) if character == "\t" else _spelt(character)
    return shown


def visible_lines(text: str) -> str:
    """Return a text of several lines, each of them visible: nothing in it steers the terminal."""
    return "\n".join(map(visible, text.split("\n")))


def cropped(code: str, start: int, end: int, width: int) -> tuple[str, int, int]:
    """Cut a line to a width so that the marked part, or its beginning, stays in it.

    Args:
        code: already visible.
        start: first marked cell.
        end: the cell after the last marked one.
        width: number of cells there are.

    Returns:
        The line with an ellipsis at each end that was cut, and where the marked part now stands.
    """
    if cell_len(code) <= width:
        return code, start, end
    if end > width - 1:
        cut = len(list(_until(code, max(0, start - width // 3))))
        shift = cell_len(code[:cut]) - 1
        if cut:
            code, start, end = f"…{code[cut:]}", start - shift, end - shift
    if cell_len(code) > width:
        code = "".join(_until(code, width - 1)) + "…"
    return code, start, min(end, width)


def _until(text: str, cells: int) -> Iterator[str]:
    """The characters of a text that fit into a number of cells."""
    used = 0

    def fits(character: str) -> bool:
        nonlocal used
        used += cell_len(character)
        return used <= cells

    return takewhile(fits, text)


def _spelt(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cc":
        return chr(0x2400 + ord(character)) if character < " " else f"<{ord(character):02X}>"
    if category in ("Cf", "Zl", "Zp") and character not in _JOINERS:
        return f"<U+{ord(character):04X}>"
    return "\ufffd" if category == "Cs" else character
