"""Schemas of answers that write: edits, code, tests, documentation, messages, answers to questions."""

from typing import Any

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue

from codetune_core.prompts.schemas.parts import AnswerModel, Code, FilledProse, Line, Prose, Quote


class Replacement(AnswerModel):
    """One edit."""

    quote: Quote = Field(description="the code to be replaced, copied exactly; it stands once in the file")
    replacement: Code = Field(description="what stands there instead; empty to delete")


class CodeFix(AnswerModel):
    """A fix; no edits where none is needed or possible, and the explanation says why."""

    edits: tuple[Replacement, ...] = Field(max_length=30)
    explanation: FilledProse = Field(description="what was wrong and why this mends it")


class RewriteStep(Replacement):
    """One improvement that keeps what the code does."""

    reason: FilledProse = Field(description="what gets better, and by how much where that is known")


class Rewrite(AnswerModel):
    """An optimization or a refactoring."""

    summary: FilledProse
    steps: tuple[RewriteStep, ...] = Field(max_length=30)
    risks: tuple[Line, ...] = Field(default=(), max_length=10, description="behaviour that could change")


class GeneratedCode(AnswerModel):
    """New code."""

    code: Code = Field(min_length=1)
    notes: Prose = Field(default="", description="assumptions and limits")


class UnitTest(AnswerModel):
    """What one test is for."""

    name: Line
    checks: Line


class UnitTests(AnswerModel):
    """A file of tests."""

    code: Code = Field(min_length=1, description="a whole test file, ready to run")
    tests: tuple[UnitTest, ...] = Field(min_length=1, max_length=60)


class Docstring(AnswerModel):
    """A documentation comment."""

    docstring: FilledProse = Field(description="the text alone, without quotes or comment signs")


class Summary(AnswerModel):
    """A summary of code."""

    summary: FilledProse
    points: tuple[Line, ...] = Field(default=(), max_length=12)


class CommitMessage(AnswerModel):
    """A commit message in the manner of git's own guide."""

    subject: str = Field(min_length=1, max_length=72, pattern=r"^\S[^\n\r]*$", description="imperative, no full stop")
    body: Prose = Field(default="", description="why; empty where the subject says all")


class Citation(AnswerModel):
    """What a statement rests on."""

    source: Line = Field(description="name of the document, as given")
    quote: Quote = Field(description="the words or code, copied exactly")


class CitedAnswer(AnswerModel):
    """An answer from given sources only."""

    answered: bool = Field(description="false where the sources do not say")
    answer: FilledProse
    citations: tuple[Citation, ...] = Field(default=(), max_length=20)

    @model_validator(mode="after")
    def _an_answer_is_cited(self) -> "CitedAnswer":
        if self.answered and not self.citations:
            raise ValueError("an answer needs at least one citation")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Say it so that decoding can be held to it: one of two objects, each whole."""
        whole = handler.resolve_ref_schema(handler(core_schema))
        fields = whole["properties"]
        citations = {name: value for name, value in fields["citations"].items() if name != "default"}
        cited = {"answered": {**fields["answered"], "const": True}, "citations": {**citations, "minItems": 1}}
        uncited = {"answered": {**fields["answered"], "const": False}}
        required = [*whole["required"], "citations"]
        return {
            "anyOf": [
                {**whole, "properties": {**fields, **cited}, "required": required},
                {**whole, "properties": {**fields, **uncited}},
            ]
        }
