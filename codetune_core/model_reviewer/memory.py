"""What a model has said and what was shown, so that nothing is asked again and nothing flickers."""

from collections import OrderedDict
from typing import TypeVar

from codetune_core.model_reviewer.question import Question
from codetune_core.model_reviewer.verdicts import Answers

_MOST = 500
"""Answers that are remembered, of a few kilobytes each; older ones are in the cache of who executes."""
_MOST_DOCUMENTS = 200
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Memory:
    """Answers by the key of their question, the last one of each unit, and the new findings that were shown."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._answers: OrderedDict[str, Answers] = OrderedDict()
        self._last: OrderedDict[tuple[str, str], Answers] = OrderedDict()
        self._shown: OrderedDict[str, frozenset[str]] = OrderedDict()

    def answers(self, question: Question) -> Answers | None:
        """Return what was said to this very question."""
        return _used(self._answers, question.key)

    def last_answers(self, uri: str, question: Question) -> Answers | None:
        """Return what was said of the unit before it changed, to stand until the new answer is there."""
        return _used(self._last, (uri, question.unit.name))

    def knows(self, uri: str) -> bool:
        """Say whether anything of a document is remembered."""
        return uri in self._shown

    def keep(self, uri: str, question: Question, answers: Answers) -> None:
        """Remember an answer."""
        _put(self._answers, question.key, answers, self._most)
        _put(self._last, (uri, question.unit.name), answers, self._most)

    def shown(self, uri: str) -> frozenset[str]:
        """Ids of the new findings that a document showed last."""
        return self._shown.get(uri, frozenset())

    def show(self, uri: str, ids: frozenset[str]) -> None:
        """Remember what a document shows now."""
        _put(self._shown, uri, ids, _MOST_DOCUMENTS)


def _used(held: OrderedDict[_Key, _Value], key: _Key) -> _Value | None:
    if key in held:
        held.move_to_end(key)
    return held.get(key)


def _put(held: OrderedDict[_Key, _Value], key: _Key, value: _Value, most: int) -> None:
    held[key] = value
    held.move_to_end(key)
    while len(held) > most:
        held.popitem(last=False)
