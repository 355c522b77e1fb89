"""What no database stores the same way as another is refused before any of them sees it."""

import re

from pydantic import BaseModel

from codetune_core.domain.canonical import canonical_json
from codetune_core.errors import PromptError

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # as JSON writes it


def refuse_unstorable(*contents: BaseModel) -> None:
    """Raise PromptError for the character NUL, halves of surrogate pairs, NaN and infinities, at any depth."""
    for content in contents:
        try:
            text = canonical_json(content.model_dump())
            text.encode()
        except ValueError as error:
            raise PromptError(f"this cannot be stored: {error}") from None
        if _NUL.search(text):
            raise PromptError("this cannot be stored: it contains the character NUL (U+0000)")
