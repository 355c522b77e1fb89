"""A prompt as a file that reads well and diffs well in git: front matter that describes it, then its texts."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from codetune_core.domain.editor_scope import editor_scope
from codetune_core.domain.prompt import Decoding, FewShotExample, PromptDraft, Variable, Wording
from codetune_core.errors import PromptFileError
from codetune_core.prompts import marks, plain_yaml, vscode

SUFFIX = ".prompt.md"
FORMAT = 1
MAX_BYTES = 512 * 1024
_DESCRIBING = ("name", "description", "category", "use_case", "tags")
_WORDING = ("model_type", "temperature", "max_tokens", "decoding", "variables")
_SECTIONS = ("system", "user", "example", "output")
_FRONT = re.compile(r"---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)

Value = TypeVar("Value", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class PromptFile:
    """What a file says.

    Attributes:
        draft: what describes the prompt.
        wording: what a version of it says.
        is_foreign: whether it is a prompt file of Visual Studio Code.
        notes: what of a foreign file has no effect here.
    """

    draft: PromptDraft
    wording: Wording
    is_foreign: bool = False
    notes: tuple[str, ...] = ()


def read_prompt(text: str, source: str) -> PromptFile:
    """Read a file's text; ``source`` is its path, for messages and for the name of a foreign file that has none.

    A file with ``codetune: 1`` in its front matter is of our format, any other one of Visual Studio Code's.
    Raises PromptFileError with the file, the line, and what to do.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    front = _FRONT.match(text)
    body = text[front.end() :] if front else text
    if front is None and text.startswith("---\n"):
        raise PromptFileError(f"{source}:1: the front matter has no end; close it with a line '---'")
    reader = _Reader(source, front[1] if front else "", text.count("\n", 0, front.end()) if front else 0)
    return reader.ours(body) if "codetune" in reader.front else reader.foreign(body)


def write_prompt(draft: PromptDraft, wording: Wording) -> str:
    """Write a prompt in the canonical form, which reads back as exactly this draft and wording."""
    front: dict[str, JsonValue] = {"codetune": FORMAT}
    described = draft.model_dump(mode="json", exclude_defaults=True)
    said = wording.model_dump(mode="json", include=set(_WORDING), exclude_defaults=True)
    said |= {"temperature": _short(wording.temperature), "max_tokens": wording.max_tokens}
    if wording.variables:
        said["variables"] = {variable.name: _without_defaults(variable) for variable in wording.variables}
    front |= {key: described[key] for key in _DESCRIBING if key in described}
    front |= {key: said[key] for key in _WORDING if key in said}
    return f"---\n{plain_yaml.dump(front)}---\n\n{marks.join(list(_sections(wording)))}"


def load_prompt(path: Path) -> PromptFile:
    """Read a file; raises PromptFileError."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise PromptFileError(f"{path}: larger than {MAX_BYTES // 1024} KiB, which no prompt is; it was not read")
        return read_prompt(path.read_bytes().decode(), str(path))
    except UnicodeDecodeError as error:
        raise PromptFileError(f"{path}: not UTF-8 (byte {error.start + 1}); save it as UTF-8") from error
    except OSError as error:
        raise PromptFileError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}") from error


def _short(number: float) -> JsonValue:
    """Write 0.0 as 0, and everything else, -0.0 too, as it is."""
    return int(number) if repr(number).removesuffix(".0").isdigit() else number


def _without_defaults(variable: Variable) -> dict[str, JsonValue]:
    fields: dict[str, JsonValue] = variable.model_dump(mode="json", exclude={"name"}, exclude_defaults=True)
    if variable.default is not None:
        fields.pop("required", None)
    return {"type": variable.type.value, **fields}


def _sections(wording: Wording) -> Iterable[marks.Section]:
    if wording.system_prompt:
        yield marks.Section("system", wording.system_prompt)
    yield marks.Section("user", wording.user_prompt_template)
    for example in wording.few_shot_examples:
        yield marks.Section("example", plain_yaml.dump(example.variables).rstrip("\n"))
        yield marks.Section("output", example.output)


class _Reader:
    """Reads one file, and knows where in it each thing stands."""

    def __init__(self, source: str, front: str, front_lines: int) -> None:
        self._source = source
        self._front_lines = front_lines
        self._loaded = self._yaml(front, 1)
        self.front = self._mapping(self._loaded, 1)

    def ours(self, body: str) -> PromptFile:
        if self.front["codetune"] != FORMAT or isinstance(self.front["codetune"], bool):
            raise self._error(f"this CodeTune reads the format 'codetune: {FORMAT}'", "codetune")
        self._check_keys(self.front, ("codetune", *_DESCRIBING, *_WORDING), ())
        described = {key: self.front[key] for key in _DESCRIBING if key in self.front}
        said: dict[str, Any] = {key: self.front[key] for key in _WORDING if key in self.front}
        self._check_keys(said.get("decoding"), Decoding.model_fields, ("decoding",))
        said["variables"] = self._variables()
        sections = self._cut(body)
        texts, examples = self._texts(sections), self._examples(sections)
        draft = self._valid(PromptDraft, described)
        try:
            editor_scope(draft.tags)
        except ValueError as error:
            raise self._error(str(error), "tags") from None
        return PromptFile(draft, self._valid(Wording, {**said, **texts, "few_shot_examples": examples}))

    def foreign(self, body: str) -> PromptFile:
        if mine := sorted(self.front.keys() & {"category", "use_case", "temperature", "variables", "decoding"}):
            raise self._error(f"add 'codetune: {FORMAT}' to the front matter, as {mine[0]!r} is a key of ours", mine[0])
        if not body.strip():
            raise self._error("there is no text under the front matter", line=self._front_lines + 1)
        template, variables = vscode.template(body.strip("\n"))
        stem = Path(self._source).name.removesuffix(".md").removesuffix(".prompt")
        name = self.front.get("name") or re.sub(r"^\W+|[^\w .:/+-]", "-", stem).strip("-")
        described = {"name": name, "description": self.front.get("description") or ""}
        draft = self._valid(PromptDraft, described)
        wording = self._valid(Wording, {"user_prompt_template": template, "variables": variables})
        return PromptFile(draft, wording, is_foreign=True, notes=vscode.notes(self.front))

    def _variables(self) -> list[Variable]:
        declared = self.front.get("variables")
        if declared is None:
            return []
        if not isinstance(declared, dict):
            raise self._error("'variables' are written as names with their fields under them", "variables")
        return [self._variable(name, fields) for name, fields in declared.items()]

    def _variable(self, name: str, fields: JsonValue) -> Variable:
        path = ("variables", name)
        if fields is not None and not isinstance(fields, dict):
            raise self._error("a variable has fields such as 'type: code' under its name", *path)
        self._check_keys(fields, [key for key in Variable.model_fields if key != "name"], path)
        return self._valid(Variable, {**(fields or {}), "name": name}, path)

    def _cut(self, body: str) -> list[marks.Section]:
        try:
            sections = marks.cut(body)
        except marks.MarkError as error:
            raise self._error(str(error), line=self._front_lines + error.line) from error
        for section in sections:
            if section.name not in _SECTIONS:
                near = _near(section.name, _SECTIONS)
                raise self._error(
                    f"no section is called {section.name!r}{near}; if the line is text, write all marks of the file"
                    " with one more '='",
                    line=self._front_lines + section.line,
                )
        return sections

    def _texts(self, sections: list[marks.Section]) -> dict[str, str]:
        texts: dict[str, str] = {}
        for section in sections:
            if section.name in texts:
                raise self._error(f"a second section {section.name!r}", line=self._front_lines + section.line)
            if section.name in ("system", "user"):
                texts[section.name] = section.text
        if not texts.get("user"):
            raise self._error("there is no text under '=== user ==='", line=self._front_lines + 1)
        return {"system_prompt": texts.get("system", ""), "user_prompt_template": texts["user"]}

    def _examples(self, sections: list[marks.Section]) -> list[FewShotExample]:
        solved = [section for section in sections if section.name in ("example", "output")]
        for at, section in enumerate(solved):
            if section.name != ("example", "output")[at % 2] or (section.name == "example" and at + 1 == len(solved)):
                raise self._error(
                    "after each '=== example ===' with its variables comes one '=== output ===' with the answer",
                    line=self._front_lines + section.line,
                )
        return [
            FewShotExample(variables=self._example(given), output=answer.text)
            for given, answer in zip(solved[::2], solved[1::2], strict=True)
        ]

    def _example(self, section: marks.Section) -> dict[str, JsonValue]:
        before = self._front_lines + section.line - 1
        return self._mapping(self._yaml(f"{section.text}\n", before), before)

    def _yaml(self, text: str, before: int) -> plain_yaml.Loaded:
        try:
            return plain_yaml.load(text)
        except plain_yaml.PlainYamlError as error:
            raise self._error(str(error), line=before + error.line) from error

    def _mapping(self, loaded: plain_yaml.Loaded, before: int) -> dict[str, JsonValue]:
        if loaded.value is not None and not isinstance(loaded.value, dict):
            raise self._error("expected lines such as 'name: value'", line=before + loaded.line(()))
        return loaded.value or {}

    def _check_keys(self, keys: JsonValue, known: Iterable[str], path: plain_yaml.Path) -> None:
        for key in keys if isinstance(keys, dict) else {}:
            if key not in known:
                raise self._error(f"unknown key {key!r}{_near(key, known)}", *path, key)

    def _valid(self, kind: type[Value], fields: Mapping[str, Any], path: plain_yaml.Path = ()) -> Value:
        try:
            return kind.model_validate(fields)
        except ValidationError as error:
            first = error.errors()[0]
            place = (*path, *first["loc"])
            what = ".".join(str(part) for part in place)
            raise self._error(f"{what}: {first['msg'].lower()}" if what else first["msg"], *place) from error

    def _error(self, problem: str, *path: str | int, line: int | None = None) -> PromptFileError:
        if line is None:
            line = 1 + self._loaded.line(path)
        return PromptFileError(f"{self._source}:{line}: {problem}")


def _near(key: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(key, list(known), 1)
    return f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"
