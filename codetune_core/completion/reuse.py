"""Whether a completion that came, or one that is still to come, continues what stands in the document now."""

from dataclasses import dataclass, field

from codetune_core.completion.place import Place

_AUTOMATIC = frozenset(")]}>\"'`")
_TYPED_UNSEEN = 16


@dataclass(frozen=True, slots=True)
class Completion:
    """A text that was proposed at a place; empty where the model had nothing to say there.

    ``source`` names who wrote it, in the caller's way.
    """

    place: Place
    text: str
    source: str = ""

    def rest(self, place: Place) -> str | None:
        """What is left of the text at another place, None where it does not continue it.

        The document must be the same but for the beginning of the text, which was typed, and for closing brackets or
        quotes that the editor put behind the cursor where the text has them too. So what is returned always leads to
        the text that was proposed, or to its first line.
        """
        if not self.text:
            return "" if place == self.place else None
        typed = _typed(self.place, place)
        if typed is None or len(typed) >= len(self.text) or not self.text.startswith(typed):
            return None
        left, added = self.text[len(typed) :], place.after[: len(place.after) - len(self.place.after)]
        if not added:
            return left
        line = left.splitlines()[0]
        return next((text.removesuffix(added) for text in (left, line) if text.endswith(added) and text != added), None)


@dataclass(eq=False, slots=True)
class Flight:
    """A request that an engine works on.

    Attributes:
        place: for which it asks.
        begun: when, in seconds of the caller's clock.
        text: what has come of the answer.
        source: names who writes it, in the caller's way.
    """

    place: Place
    begun: float
    text: str = field(default="")
    source: str = field(default="")

    def may_fit(self, place: Place) -> bool:
        """Say whether its answer may still continue the text at a place, so that waiting beats asking again.

        What was typed since must be what has come, as far as both go; as long as nothing has come, a few characters of
        the same line may be typed blindly.
        """
        typed = _typed(self.place, place)
        if typed is None:
            return False
        if len(typed) > len(self.text) + _TYPED_UNSEEN or "\n" in typed[len(self.text) :]:
            return False
        return self.text.startswith(typed) or typed.startswith(self.text)


def _typed(old: Place, new: Place) -> str | None:
    """What was typed from one place to another, None where they differ in more than that."""
    if old.uri != new.uri or not new.before.startswith(old.before) or not new.after.endswith(old.after):
        return None
    added = new.after[: len(new.after) - len(old.after)]
    return new.before[len(old.before) :] if _AUTOMATIC.issuperset(added) else None
