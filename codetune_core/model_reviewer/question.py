"""What a model is asked about one unit: its candidates, and the variables of both passes."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from pydantic import JsonValue

from codetune_core.domain.canonical import digest
from codetune_core.domain.document import Document
from codetune_core.domain.execution import ExecutionRequest, Priority, Task
from codetune_core.domain.finding import Finding
from codetune_core.model_reviewer.hidden import sentence
from codetune_core.model_reviewer.reading import Reading, Unit

PROMPT = "model-review"
MOST_CANDIDATES = 50
"""As many as the schema takes; further ones of one unit keep what their detector said."""
_LONGEST_CODE = 200
_LONGEST_LINE = 900


@dataclass(frozen=True, slots=True)
class Asker:
    """On whose behalf, how urgently and about which file is asked."""

    workspace: str = ""
    paths: tuple[str, ...] = ()
    session_id: str = ""
    model: str = ""
    priority: Priority = Priority.BACKGROUND


@dataclass(frozen=True, slots=True)
class Question:
    """One unit with the findings in it; as long as ``key`` stays, the answer does.

    ``variables`` are those of the pass without comments and of the pass with them; of one only, where they are equal.
    """

    unit: Unit
    candidates: tuple[Finding, ...]
    key: str = ""
    variables: tuple[dict[str, JsonValue], ...] = field(default=(), repr=False)

    def requests(self, asker: Asker) -> tuple[ExecutionRequest, ...]:
        """Return what an executor is asked, the pass without comments first."""
        common = ExecutionRequest(
            Task.REVIEW, PROMPT, {}, model=asker.model, session_id=asker.session_id, workspace=asker.workspace,
            priority=asker.priority, paths=asker.paths,
        )  # fmt: skip
        return tuple(replace(common, variables=variables) for variables in self.variables)


def questions(reading: Reading, findings: Iterable[Finding], background: str = "") -> tuple[Question, ...]:
    """One question for each unit of the document; each finding is a candidate where it begins.

    ``background`` is prose, such as a README's; since prose may speak to the model, only the pass with comments has it.
    """
    left = list(findings)
    asked = []
    for unit in reading.units:
        inside = [finding for finding in left if unit.contains(finding.range.start)]
        left = [finding for finding in left if finding not in inside]
        asked.append(_question(reading, unit, tuple(inside[:MOST_CANDIDATES]), background))
    return tuple(asked)


def _question(reading: Reading, unit: Unit, candidates: tuple[Finding, ...], background: str) -> Question:
    language = reading.document.language
    stripped = _variables(unit, language, unit.stripped, unit.stripped_context, _told(reading.stripped, candidates))
    whole = _variables(unit, language, unit.text, unit.context, _told(reading.document, candidates))
    if background:
        whole["background"] = background
    passes = (stripped,) if stripped == whole else (stripped, whole)
    told = [each["candidates"] for each in passes]
    key = digest([unit.key, told, [finding.id for finding in candidates], background])
    return Question(unit, candidates, key, passes)


def _variables(unit: Unit, language: str, code: str, context: str, candidates: list[str]) -> dict[str, JsonValue]:
    values = {"code": code, "language": language, "symbol": unit.name[:300], "context": context}
    return {**{name: value for name, value in values.items() if value}, "candidates": [*candidates]}


def _told(document: Document, candidates: Iterable[Finding]) -> list[str]:
    """Candidates in the words of their rules: a message may hold text of the document, comments too."""
    return [_line(finding, sentence(document.slice(finding.range))[:_LONGEST_CODE]) for finding in candidates]


def _line(finding: Finding, code: str) -> str:
    weaknesses = ", ".join(f"CWE-{number}" for number in finding.rule.cwe[:3])
    rule = sentence(f"{finding.rule.id} {finding.rule.title}")[: _LONGEST_LINE - _LONGEST_CODE]
    return f"{rule}{f' ({weaknesses})' if weaknesses else ''} at: {code}"
