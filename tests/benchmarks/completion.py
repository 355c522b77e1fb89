"""Replay the recorded typing trace: what inline completion asks of the engine, against clients that only debounce."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from measures import Row
from run import show, write
from typing_replay import Clock, DebounceOnly, Engine, Keystroke, Ours, keystrokes, replay
from typing_server import replayed

WAITS = (0.3, 0.15, 0.075)
ENGINES = {
    "": Engine(),
    ", engine half as good": Engine(right=0.2, begun=0.15),
    ", engine three times slower": Engine(fastest=0.75),
}


def rows_of(states: list[Keystroke], engine: Engine, name: str) -> list[Row]:
    """Both sides on one engine."""
    clock = Clock()
    ours = replay(states, Ours(clock, engine), clock)
    rows = []
    for wait in (None, *WAITS):
        clock = Clock()
        peer = replay(states, DebounceOnly(clock, engine, wait), clock)
        waits = "as long as ours" if wait is None else f"{wait * 1000:g} ms"
        rows.append(Row(f"calls of the engine{name}", "", ours.calls, peer.calls, f"debounce only, {waits}", 0.5))
        if wait is None:
            unforeseen = (side.typed - side.foretold for side in (ours, peer))
            foretold = Row(f"characters typed that no proposal foretold{name}", "", *unforeseen, "debounce only", 1)
    return [
        *rows,
        foretold,
        Row(
            f"states that follow the proposal and were not answered at once{name}", "", ours.followed_by_call, budget=0
        ),
        Row(f"states that follow the proposal{name}", "", ours.followed),
        Row(f"answered by an earlier request in flight, of all calls{name}", "%", 100 * ours.reached / ours.calls),
        Row(f"prompt that differs from the one before{name}", "%", 100 * (1 - ours.shared), budget=20),
        Row(f"proposals that did not fit their text{name}", "", ours.stale, budget=0),
    ]


def rows_of_server(states: list[Keystroke]) -> list[Row]:
    """The language server's own completions, driven by the same typing in virtual time."""
    served, clock = replayed(states), Clock()
    peer = replay(states, DebounceOnly(clock, Engine(), None), clock)
    name = ", through the language server"
    return [
        Row(f"calls of the engine{name}", "", served.calls, peer.calls, "debounce only, as long as ours", 0.5),
        Row(
            f"states that follow the proposal and were not answered at once{name}",
            "",
            served.followed_by_call,
            budget=0,
        ),
        Row(f"states that follow the proposal{name}", "", served.followed),
        Row(f"prompt that differs from the one before{name}", "%", 100 * (1 - served.shared), budget=20),
        Row(f"proposals for another text than the editor's{name}", "", served.stale, budget=0),
    ]


def main() -> int:
    """Replay against each engine; 1 where a budget is missed."""
    states = list(keystrokes())
    rows = [row for name, engine in ENGINES.items() for row in rows_of(states, engine, name)]
    rows += rows_of_server(states)
    show(rows)
    write(rows, "completion")
    return int(any(row.within is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
