"""Make ``trace.jsonl``: type the changes of some of this repository's own modules as a person would, by a fixed seed.

Run it in the repository, whose history it reads. What it writes is committed, so nothing else needs the history.
"""

import json
import random
import subprocess
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path

HERE = Path(__file__).parent
MODULES = (
    "codetune_core/prompts/answer.py",
    "codetune_core/history/history.py",
    "codetune_core/findings/suppress.py",
    "codetune_core/domain/execution.py",
    "codetune_core/prompts/fit.py",
    "codetune_core/workspace/ignores.py",
    "codetune_core/prompts/library.py",
)
SEED = 6
LONGEST_RUN = 600
SHORTEST_RUN = 12
CHARACTERS = 1100
KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
Event = list[int | str]


def git(*arguments: str) -> str:
    """What a command of git prints."""
    return subprocess.run(("git", *arguments), cwd=HERE, capture_output=True, text=True, check=True).stdout


def versions(path: str) -> list[str]:
    """The texts that a module has had, the oldest first."""
    commits = git("log", "--format=%H", "--reverse", "--", f":/{path}").split()
    return [git("show", f"{commit}:{path}") for commit in commits]


def changes(old: str, new: str) -> Iterator[tuple[int, int, str]]:
    """Yield offset in the text as changed so far, characters to delete, text to type, without what both share."""
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    shift = 0
    for kind, begin, end, first, last in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        gone, come = "".join(before[begin:end]), "".join(after[first:last])
        offset = sum(map(len, before[:begin])) + shift
        same = next(
            (index for index, (a, b) in enumerate(zip(gone, come, strict=False)) if a != b), min(map(len, (gone, come)))
        )
        rest = min(len(gone), len(come)) - same
        tail = next((index for index in range(rest) if gone[-1 - index] != come[-1 - index]), rest)
        yield offset + same, len(gone) - same - tail, come[same : len(come) - tail]
        shift += len(come) - len(gone)


class Typist:
    """Writes the events of one who types: slower at the beginning of words and lines, with slips that are mended."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.events: list[Event] = []
        self.typed = 0

    def pause(self, median: float, spread: float = 0.35) -> int:
        """Milliseconds, log-normal."""
        return round(1000 * median * self.chance.lognormvariate(0, spread))

    def add(self, milliseconds: int, what: int | str) -> None:
        """Add an event; text goes in at the cursor, and a negative number deletes before it."""
        self.events.append([milliseconds, what])

    def change(self, offset: int, deleted: int, text: str) -> None:
        """Jump, delete a selection, type."""
        self.events.append([self.pause(2.5, 0.6), offset + deleted, "jump"])
        if deleted:
            self.add(self.pause(0.6), -deleted)
        self.typed += len(text)
        self.type(text)

    def type(self, text: str) -> None:
        """Type a text; a line end comes with the indentation of the next line, as editors write it."""
        index = 0
        while index < len(text):
            key = text[index]
            if key == "\n":
                indentation = len(text[index + 1 :]) - len(text[index + 1 :].lstrip(" "))
                key += " " * indentation
            wait = self.pause(*self.rhythm(text, index))
            if key.isalpha() and self.chance.random() < 0.025:
                wait = self.slip(key, text[index + 1 :], wait)
            elif self.starts_word(text, index) and self.chance.random() < 0.03:
                wait = self.other_word(wait)
            self.add(wait, key)
            index += len(key)

    def rhythm(self, text: str, index: int) -> tuple[float, float]:
        """Median seconds before a character, and how they spread."""
        if index and text[index - 1] == "\n":
            return 1.1, 0.7
        if text[index] == "\n":
            return 0.35, 0.5
        if not text[index].isalnum():
            return 0.24, 0.4
        return (0.32, 0.6) if self.starts_word(text, index) else (0.15, 0.3)

    def starts_word(self, text: str, index: int) -> bool:
        """Say whether a name or a number begins here."""
        return text[index].isalnum() and not (index and (text[index - 1].isalnum() or text[index - 1] == "_"))

    def slip(self, key: str, following: str, wait: int) -> int:
        """Hit the key beside, notice it some characters later, delete; the wait before the right key."""
        row = next((row for row in KEYS if key in row), key)
        place = row.index(key) if key in row else 0
        self.add(wait, row[place - 1 if place else min(1, len(row) - 1)])
        count = self.chance.choice((0, 0, 1, 2))
        late = following.split("\n", 1)[0][:count]
        for character in late:
            self.add(self.pause(0.15), character)
        for number in range(len(late) + 1):
            self.add(self.pause(0.12 if number else 0.45), -1)
        return self.pause(0.25)

    def other_word(self, wait: int) -> int:
        """Begin another word, think better of it, delete it; the wait before the right one."""
        word = self.chance.choice(("self", "value", "result", "name", "for", "len", "text", "not"))
        for number, character in enumerate(word):
            self.add(wait if not number else self.pause(0.15), character)
        for number in range(len(word)):
            self.add(self.pause(0.1 if number else 0.9), -1)
        return self.pause(0.4)


def session(path: str, chance: random.Random) -> tuple[str, list[Event]]:
    """The first text of a module, and the events by which it changed; what is too short or long comes as if pasted."""
    texts, typist = versions(path), Typist(chance)
    for old, new in pairwise(texts):
        for offset, deleted, text in changes(old, new):
            if SHORTEST_RUN <= len(text) <= LONGEST_RUN and typist.typed < CHARACTERS:
                typist.change(offset, deleted, text)
                continue
            typist.events.append([typist.pause(2.5, 0.6), offset + deleted, "jump"])
            typist.events += [[500, -deleted]] if deleted else []
            typist.events += [[500, text, "paste"]] if text else []
        if typist.typed >= CHARACTERS:
            break
    return texts[0], typist.events


def main() -> None:
    """Write the trace."""
    chance = random.Random(SEED)
    with (HERE / "trace.jsonl").open("w", encoding="utf-8") as out:
        for path in MODULES:
            text, events = session(path, chance)
            out.write(json.dumps({"path": path, "text": text}, ensure_ascii=False) + "\n")
            out.writelines(json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n" for event in events)


if __name__ == "__main__":
    main()
