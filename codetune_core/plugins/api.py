"""What the author of a plugin writes against: the kinds of plugin, requests, and the models that the host lends."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, TypedDict, TypeVar, cast

from pydantic import JsonValue

from codetune_core.domain.execution import FinishReason, Message, Usage
from codetune_core.domain.fence import unfinished_mark, unmark
from codetune_core.errors import InvalidInput
from codetune_core.plugins.metadata import Kind, ToolMetadata

_Value = TypeVar("_Value", str, int, float, bool)


@dataclass(frozen=True, slots=True)
class Request:
    """What a plugin is asked: one of its tasks, a text, and arguments by name."""

    task: str
    text: str = ""
    arguments: Mapping[str, JsonValue] | None = None

    def expect(self, *known: str, text: bool = True) -> None:
        """Raise InvalidInput for an argument that is not known, and for an empty text where one is needed."""
        if text and not self.text.strip():
            raise InvalidInput(f"{self.task} needs a text, and was given none")
        if unknown := sorted(set(self.arguments or {}) - set(known)):
            raise InvalidInput(f"{self.task} knows no argument {', '.join(unknown)}; it knows {', '.join(known)}")

    def option(self, name: str, default: _Value) -> _Value:
        """Return an argument as a value of the default's type; raises InvalidInput where it is none.

        A terminal gives texts, so ``"200"`` is a number where the default is one.
        """
        value = (self.arguments or {}).get(name, default)
        kind = type(default)
        if isinstance(value, bool) is not (kind is bool) and not isinstance(value, str):
            raise _not_of(name, value, kind)
        if kind is bool and isinstance(value, str):
            value = {"true": True, "false": False}.get(value.lower(), value)
        try:
            return cast("_Value", value if isinstance(value, kind) else _converted(value, kind))
        except (TypeError, ValueError):
            raise _not_of(name, value, kind) from None


def _converted(value: JsonValue, kind: type) -> object:
    if kind in (int, float) and isinstance(value, int | float | str) and not isinstance(value, bool):
        number = float(value)
        if math.isfinite(number) and (kind is float or number.is_integer()):
            return kind(number)
    raise ValueError(value)


def _not_of(name: str, value: object, kind: type) -> InvalidInput:
    words = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
    return InvalidInput(f"{name} is {words[kind]}, not {value!r}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model wrote, how many tokens it took, and who wrote it."""

    text: str
    usage: Usage
    model: str
    finish_reason: FinishReason


class Models(Protocol):
    """The models that the host lends, without keys and weights; for them a plugin declares the capability ``model``.

    Raises an ExecutionError (`codetune_core.errors`) where the model fails, as the host's engine does.
    """

    def generate(  # noqa: PLR0913 - what an engine can be told
        self,
        prompt: str | Sequence[Message],
        *,
        model: str = "",
        max_tokens: int = 1024,
        temperature: float = 0,
        stop: tuple[str, ...] = (),
        seed: int | None = None,
        on_piece: Callable[[str], None] | None = None,
    ) -> Answer:
        """Answer a prompt; a text is one message of the user. ``on_piece`` is called with each piece as it comes."""
        ...

    def complete(  # noqa: PLR0913 - what an engine can be told
        self,
        prefix: str,
        suffix: str = "",
        *,
        model: str = "",
        max_tokens: int = 256,
        temperature: float = 0,
        stop: tuple[str, ...] = (),
        seed: int | None = None,
        on_piece: Callable[[str], None] | None = None,
    ) -> Answer:
        """Continue a text; with a suffix, write what stands between the two."""
        ...


class Sampling(TypedDict):
    """What users may tell a model by arguments of the same names."""

    model: str
    max_tokens: int
    temperature: float
    seed: int | None


SAMPLING = tuple(Sampling.__annotations__)
"""Names of the arguments."""


def sampling(request: Request, *, model: str, max_tokens: int, temperature: float = 0) -> Sampling:
    """Return what a request says of the model, and the defaults given for what it does not; raises InvalidInput."""
    return {
        "model": request.option("model", model),
        "max_tokens": request.option("max_tokens", max_tokens),
        "temperature": request.option("temperature", float(temperature)),
        "seed": request.option("seed", 0) if "seed" in (request.arguments or {}) else None,
    }


class AgentTool(ABC):
    """A plugin: makes a value of a Request, in a process of its own.

    The class is made once, without arguments, and ``setup`` is called; then ``run`` is called for one request after
    the other. What ``run`` returns must be JSON or an Answer. An exception is told to who asked: raise
    `codetune_core.errors.InvalidInput` for what they can mend.

    Attributes:
        METADATA: written with literals.
        KIND: of plugin.
        engine: the models, lent while ``run`` runs.
        show: hands a piece of text to who asked, before there is an answer.
    """

    METADATA: ClassVar[ToolMetadata]
    KIND: ClassVar[Kind] = Kind.TOOL
    engine: Models
    show: Callable[[str], None]

    def setup(self) -> None:  # noqa: B027 - most need none
        """Do what is needed once."""

    @abstractmethod
    def run(self, request: Request) -> "JsonValue | Answer":
        """Answer a request for one of the tasks of the metadata."""


class LLMPlugin(AgentTool):
    """Built on a model: each task is a prompt of its own, and the answer is what the model says.

    Attributes:
        MAX_TOKENS: of the answer.
        TEMPERATURE: 0 takes the likeliest token each time.
        STOP: texts that end an answer.
    """

    KIND = Kind.LLM
    MAX_TOKENS: ClassVar[int] = 1024
    TEMPERATURE: ClassVar[float] = 0
    STOP: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def prompt(self, request: Request) -> str | Sequence[Message]:
        """Say what the model is asked; check the request here."""

    def run(self, request: Request) -> Answer:
        """Ask the model; the arguments of ``SAMPLING`` go before what the class says.

        Marks of fenced texts (`codetune_core.domain.fence`) that the model repeats are undone.
        """
        told = sampling(request, model=self.METADATA.model, max_tokens=self.MAX_TOKENS, temperature=self.TEMPERATURE)
        shown = _Unmarked(self.show)
        answer = self.engine.generate(self.prompt(request), **told, stop=self.STOP, on_piece=shown.push)
        shown.finish()
        return replace(answer, text=unmark(answer.text))


class _Unmarked:
    """Shows pieces of a text with marks undone, each as soon as it is known that no mark goes on behind it."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._held = ""

    def push(self, piece: str) -> None:
        self._held += piece
        ready = unfinished_mark(self._held)
        if ready:
            self._show(unmark(self._held[:ready]))
            self._held = self._held[ready:]

    def finish(self) -> None:
        if self._held:
            self._show(unmark(self._held))


class CodeGenPlugin(AgentTool):
    """Writes code: give the methods that stand in the metadata's tasks."""

    KIND = Kind.CODEGEN

    def run(self, request: Request) -> "JsonValue | Answer":
        """Call the method of the task."""
        tasks: dict[str, Callable[[Request], JsonValue | Answer]] = {
            "generate": self.generate, "complete": self.complete, "summarize": self.summarize, "tests": self.tests,
        }  # fmt: skip
        if request.task not in tasks:
            raise InvalidInput(f"{request.task} is none of {', '.join(tasks)}")
        return tasks[request.task](request)

    def generate(self, request: Request) -> "JsonValue | Answer":
        """Write code from a description."""
        raise _not_given(request)

    def complete(self, request: Request) -> "JsonValue | Answer":
        """Continue code."""
        raise _not_given(request)

    def summarize(self, request: Request) -> "JsonValue | Answer":
        """Say what code does."""
        raise _not_given(request)

    def tests(self, request: Request) -> "JsonValue | Answer":
        """Write tests of code."""
        raise _not_given(request)


class EmbeddingPlugin(AgentTool):
    """Texts to vectors, for its task ``embed``: of the request's text, or of the texts of its argument ``texts``."""

    KIND = Kind.EMBEDDING

    @abstractmethod
    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Return one vector for each text, in order, all of one length."""

    def run(self, request: Request) -> JsonValue:
        """Return ``{"dimensions": int, "vectors": [[float]]}``; raises ValueError where the vectors are not as said."""
        texts = (request.arguments or {}).get("texts", [request.text])
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise InvalidInput("texts is a list of texts")
        vectors = [[float(number) for number in vector] for vector in self.embed([str(text) for text in texts])]
        lengths = {len(vector) for vector in vectors}
        if len(vectors) != len(texts) or len(lengths) > 1:
            raise ValueError(f"{len(texts)} texts gave {len(vectors)} vectors of lengths {sorted(lengths)}")
        return {"dimensions": max(lengths, default=0), "vectors": cast("JsonValue", vectors)}


def _not_given(request: Request) -> InvalidInput:
    return InvalidInput(f"this plugin does not {request.task}")
