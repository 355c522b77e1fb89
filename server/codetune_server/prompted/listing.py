"""What the daemon says of its prompts and models, read with the standard library's client, in a thread."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codetune_core.daemon.asking import ask
from codetune_core.domain.editor_scope import EditorScope, Shows
from codetune_core.domain.execution import Role, Task
from codetune_core.domain.prompt import Variable
from codetune_core.errors import DaemonError
from codetune_core.prompts.editor import EDITOR_PROMPTS_PATH, EditorPrompts
from codetune_server.offers import model_name
from codetune_server.prompted.answer import WRITES

_SECONDS = 30
"""Who answers may have to be looked for, and a team's service asked."""
_OK = 200
_CITED = "answer_with_citations"
_DOCSTRING = "docstring"
WISHES = ("description", "question", "instruction", "goal")
"""What a comment may say, where the prompt cannot do without: else no text of the workspace asks for anything."""
_WRITING = {Task.GENERATE, Task.FIX, Task.TESTS, Task.DOCSTRING, Task.OPTIMIZE}


@dataclass(frozen=True, slots=True)
class PromptAction:
    """A prompt that is offered.

    Attributes:
        prompt: its name.
        description: what it does.
        task: what it is for.
        scope: what it is asked about, and what becomes of the answer.
        variables: what its version in production declares.
        schema: of its answers; None for free text.
        version: number of the version in production.
        model: who answers; empty where the team's service chooses.
    """

    prompt: str
    description: str
    task: Task
    scope: EditorScope
    variables: tuple[Variable, ...]
    schema: str | None
    version: int
    model: str

    @property
    def label(self) -> str:
        """What the menu calls it."""
        if self.prompt == "answer-with-citations":
            return "Ask about this"
        words = self.prompt.replace("-", " ").replace("_", " ")
        return words[:1].upper() + words[1:]

    @property
    def asks(self) -> bool:
        """Whether it answers any question about the code, and cites it."""
        return self.schema == _CITED and any(variable.name == "question" for variable in self.variables)

    @property
    def documents(self) -> bool:
        """Whether it writes a documentation comment."""
        return self.schema == _DOCSTRING

    @property
    def needs_wish(self) -> bool:
        """Whether it cannot do without being told what is wanted."""
        return any(variable.required and variable.name in WISHES for variable in self.variables)

    @property
    def title(self) -> str:
        """The entry of the menu."""
        return f"{self.label} with {model_name(self.model)}"

    @property
    def tooltip(self) -> str:
        """What is shown beside the entry."""
        return (
            f"{self.prompt}, version {self.version}, {self.model or 'on the service of your team'}: {self.description}"
        )


@dataclass(frozen=True, slots=True)
class Listing:
    """What is offered, and why nothing is; ``why`` is empty where something is.

    ``models`` says who answers for the roles that somebody answers for; by an empty name where the team's service
    chooses. ``late`` says that for some role this was not told in time.
    """

    actions: tuple[PromptAction, ...]
    why: str = ""
    models: Mapping[Role, str] = field(default_factory=dict)
    late: bool = False


def read_listing(path: Path, is_elsewhere: bool) -> Listing:  # noqa: FBT001 - for asyncio.to_thread
    """Ask the daemon at a socket; ``is_elsewhere`` where it passes prompts on to a service, which chooses the model.

    Raises DaemonError where it does not answer, or not as it should.
    """
    try:
        if is_elsewhere:
            models = dict.fromkeys(Role, "")
            return Listing(tuple(_actions(path, models)), models=models)
        roles = json.loads(_asked(path, "/api/models/available"))["roles"]
        models, late = _models(roles), any(each.get("late") for each in roles)
        if not models:
            return Listing((), f"no model answers ({'; '.join(_reasons(roles))})", late=late)
        return Listing(tuple(_actions(path, models)), models=models, late=late)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DaemonError("the daemon describes its prompts in an unknown way") from error


def _models(roles: list[Any]) -> dict[Role, str]:
    """Return who answers for the roles that somebody answers for."""
    return {Role(each["role"]): each["model"]["name"] for each in roles if each["model"] and each["role"] in set(Role)}


def _reasons(roles: list[Any]) -> list[str]:
    return list(
        dict.fromkeys(each["why"] for each in roles if each["role"] in {"review", "generation"} and each["why"])
    )


def _actions(path: Path, models: Mapping[Role, str]) -> Iterator[PromptAction]:
    for prompt in EditorPrompts.model_validate_json(_asked(path, EDITOR_PROMPTS_PATH)).prompts:
        task = _task(prompt.use_case)
        role = Role.GENERATION if task in _WRITING else Role.REVIEW
        if prompt.scope and role in models:
            yield PromptAction(
                prompt=prompt.name,
                description=prompt.description,
                task=task,
                scope=_shown(prompt.scope, prompt.output_schema),
                variables=prompt.variables,
                schema=prompt.output_schema,
                version=prompt.version,
                model=models[role],
            )


def _shown(scope: EditorScope, schema: str | None) -> EditorScope:
    """Return a scope whose answers can be written into a text as it says, or else are shown."""
    cannot_write = scope.shows is not Shows.DOCUMENT and schema not in WRITES
    is_no_test = scope.shows is Shows.TESTS and schema != "tests"
    return EditorScope(scope.where) if cannot_write or is_no_test else scope


def _task(use_case: str) -> Task:
    try:
        return Task(use_case)
    except ValueError:
        return Task.ASK


def _asked(path: Path, address: str) -> bytes:
    answer = ask(path, address, _SECONDS)
    if answer is None:
        raise DaemonError("the daemon does not answer")
    status, body = answer
    if status != _OK:
        raise DaemonError(f"the daemon answers {address} with status {status}")
    return body
