"""A place where code may be proposed, with what the model may be told of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from codetune_core.completion.context import Budget, Context, context
from codetune_core.completion.place import Place
from codetune_core.domain.document import Document
from codetune_core.domain.execution import ExecutionRequest, Priority, Task
from codetune_core.domain.text import Edit, Position, Range, without_end
from codetune_server.completing.readable import readable
from codetune_server.folders import name_in, paths_of, workspace_of
from codetune_server.holdings import Holding
from codetune_server.subject import Subject

PROMPT = "complete"


@dataclass(frozen=True, slots=True)
class Told:
    """What a model is told, and the documents that it may be of."""

    context: Context
    files: tuple[Document, ...]


@dataclass(frozen=True)
class Spot:
    """Where something may stand, and how it is asked for.

    Attributes:
        document: the text that the model continues: a notebook's cells are one text.
        position: of the cursor in it.
        holding: what holds in its folder.
        others: other open documents, the last used first.
        invoked: whether the user asked for it by a key.
    """

    document: Document
    position: Position
    holding: Holding
    others: tuple[Document, ...] = ()
    invoked: bool = False

    @property
    def max_lines(self) -> int:
        """The longest text to propose."""
        return self.holding.settings.completion.max_lines

    def told(self, place: Place, budget: Budget) -> Told:
        """Collect what the model may be told of a place in the document; reads the disk."""
        others = readable(self.document, self.others, self.holding)
        return Told(context(place, others, budget), (self.document, *others))

    def request(self, told: Told) -> ExecutionRequest:
        """Return what is run."""
        return ExecutionRequest(
            task=Task.COMPLETE,
            prompt=PROMPT,
            variables=self._variables(told.context),
            workspace=workspace_of(self.holding.folder),
            paths=paths_of(*told.files),
            priority=Priority.TYPING,
        )

    def _variables(self, context: Context) -> Mapping[str, JsonValue]:
        return {
            "before": context.prefix,
            "after": context.after,
            "at_line_start": context.at_line_start,
            "language": context.language,
            "path": name_in(self.holding.folder, self.document),
        }


def cursor(
    subject: Subject, part: Document, position: Position, selected: tuple[Range, str] | None = None
) -> tuple[Document, Position] | None:
    """Return the text that a model continues, and where; None where nothing can be proposed.

    Args:
        subject: the text that the document belongs to.
        part: the editor's document.
        position: of the cursor in it.
        selected: what a list that is open over the text would put into which range: it is taken as put.
    """
    document, place = subject.document, subject.whole(part, Range(position, position)).start
    if _line(document, place) != _line(part, position):
        return None  # what a notebook runs by itself is no code of the module
    if selected is None:
        return document, place
    chosen, text = subject.whole(part, selected[0]), selected[1]
    edited = document.edited([Edit(chosen, text)])
    return edited, edited.position(document.offset(chosen.start) + len(text))


def _line(document: Document, position: Position) -> str:
    return without_end(document.lines[position.line])
