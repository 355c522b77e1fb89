"""How long a model process is waited for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds.

    Attributes:
        first_token: from the question, once the model is loaded, to the first piece of the answer.
        gap: between two pieces.
        status: for an answer to AskStatus, which a process gives at once; one that does not hangs.
        start: until a new process listens.
    """

    first_token: float = 300
    gap: float = 60
    status: float = 30
    start: float = 60

    @property
    def step(self) -> float:
        """For one step of the process, which computes but one token or some hundreds of a prompt's."""
        return self.first_token / 2
