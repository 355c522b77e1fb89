"""A label as a stack of undoable acts: what the ledger's replay and the store are held against."""

from dataclasses import dataclass, field

from hypothesis import strategies as st

VERSIONS = (1, 2, 3, 4)


@dataclass
class Label:
    """``stood`` holds the versions deployed and not undone; an experiment lies on top of the last."""

    stood: list[int] = field(default_factory=list)
    arms: tuple[int, ...] = ()

    def can(self, act: str, number: int) -> bool:
        return {
            "deploy": True,
            "rollback": bool(self.undoable),
            "rollback to": number in self.undoable,
            "start": bool(self.stood) and not self.arms and number != self.stood[-1],
            "stop": bool(self.arms),
            "promote": number in self.arms,
        }[act]

    @property
    def undoable(self) -> list[int]:
        return self.stood if self.arms else self.stood[:-1]

    def do(self, act: str, number: int) -> None:
        if act == "start":
            self.arms = (self.stood[-1], number)
        elif act == "stop":
            self.undo()
        elif act.startswith("rollback"):
            self.undo()
            while act == "rollback to" and self.stood[-1] != number:
                self.undo()
        else:
            self.arms = ()
            if self.stood[-1:] != [number]:
                self.stood.append(number)

    def undo(self) -> None:
        if self.arms:
            self.arms = ()
        else:
            self.stood.pop()


acts = st.tuples(
    st.sampled_from(["production", "staging"]),
    st.sampled_from(["deploy", "deploy", "rollback", "rollback to", "start", "stop", "promote"]),
    st.sampled_from(VERSIONS),
)
"""An act: its label, what, and a version's number, where that says something."""
