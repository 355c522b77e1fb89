"""Characters that no reader sees and that can carry text or reorder it."""

import re

_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Default ignorable code points of Unicode 15, those that reorder text, and controls other than white space."""


def shown(text: str) -> str:
    """Put a space for each hidden character, so that positions stay."""
    return _HIDDEN.sub(" ", text)


def sentence(text: str) -> str:
    """Bring what a model wrote onto one line, with nothing hidden in it."""
    return " ".join(shown(text).split())
