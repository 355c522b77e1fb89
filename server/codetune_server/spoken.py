"""Text for messages, errors and progress, in which names of files and words of models are read and never followed.

Editors make links of ``[text](command:...)`` in what they show to a person, though the protocol calls it plain text.
"""

from codetune_core.model_reviewer.hidden import shown

_LONGEST = 4_000
"""Characters; editors show less."""


def spoken(text: str) -> str:
    """Return a text with nothing hidden, no link, and no more than a person reads."""
    cut = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    return shown(cut).replace("](", "] (")
