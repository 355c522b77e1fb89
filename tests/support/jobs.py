"""Jobs for runners in the process of a test: what they were told is kept."""

from codetune_core.engines.transformers.process.job import Job
from codetune_core.engines.transformers.wire import Finished, Generate, Piece, Turn


class Asked:
    """A request, and its answers so far."""

    def __init__(self, number: int, runner, prompt: str | None = None, **fields) -> None:
        self.told: list = []
        if prompt is not None:
            fields["messages"] = (Turn(role="user", content=prompt),)
        self.request = Generate(**{"id": number, "max_tokens": 8, **fields})
        self.job = Job(self.request, self.told.append)
        runner.add(self.job)

    @property
    def text(self) -> str:
        return "".join(each.text for each in self.told if isinstance(each, Piece))

    @property
    def end(self):
        """The last answer; None while there is none, and never more than one."""
        ends = [each for each in self.told if not isinstance(each, Piece)]
        assert len(ends) <= 1
        return ends[0] if ends else None

    @property
    def finished(self) -> Finished:
        assert isinstance(self.end, Finished), self.end
        return self.end


def run_all(runner) -> int:
    """Step until nothing is in hand; return how many steps it took."""
    steps = 1
    while runner.step():
        steps += 1
    return steps
