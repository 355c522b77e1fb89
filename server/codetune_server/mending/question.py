"""What a model is asked about a finding, and what its answer proposes."""

from dataclasses import replace
from typing import Any

from codetune_core.domain.document import Document
from codetune_core.domain.execution import ExecutionRequest, Task
from codetune_core.domain.finding import Finding
from codetune_core.domain.text import Position, Range
from codetune_core.errors import CodeTuneError
from codetune_core.mending.proposal import UNFIT, Proposal, content, quoted
from codetune_core.workers.messages import Wanted
from codetune_server.folders import Folder, name_in
from codetune_server.prompt_runs import about

PROMPT = "fix-finding"
_MOST_CHARACTERS = 4_000
"""Of the finding and of a reason, as the prompt declares them."""
_AROUND_LINES = 400
"""How much of the file is shown on each side, in lines."""


def question(document: Document, finding: Finding, folder: Folder | None, wanted: Wanted) -> ExecutionRequest:
    """What is run for a candidate; the folder is that around the document."""
    variables = _variables(document, finding, folder, wanted)
    return replace(about(document, folder, Task.FIX, PROMPT, variables), sample_index=wanted.candidate)


def proposal(output: str) -> Proposal:
    """Read an answer; raises CodeTuneError, in the model's words, where it mends nothing."""
    answer = content(output)
    match answer:
        case {"edits": []}:
            raise CodeTuneError(f"The model mends nothing here. {answer.get('explanation') or ''}".strip())
        case {"edits": list(steps)}:
            return quoted(steps)
    return UNFIT


def _variables(document: Document, finding: Finding, folder: Folder | None, wanted: Wanted) -> dict[str, Any]:
    place = wanted.ranges[0]
    known = {
        "finding": _told(document, finding),
        "code": document.slice(place),
        "language": document.language,
        "path": name_in(folder, document),
        "rule": finding.rule.id,
        "cwe": f"CWE-{finding.rule.cwe[0]}" if finding.rule.cwe else "",
        "rejected": wanted.reason[:_MOST_CHARACTERS],
        "context": file_around(document, place),
    }
    return {name: value for name, value in known.items() if value}


def _told(document: Document, finding: Finding) -> str:
    flagged = " ".join(document.slice(finding.range).split())
    remedy = finding.verdict.remedy if finding.verdict else ""
    told = [f"{finding.rule.title}: {finding.message}", f"The flagged code: {flagged}" if flagged else "", remedy]
    return "\n".join(part for part in told if part)[:_MOST_CHARACTERS]


def file_around(document: Document, place: Range) -> str:
    """Return the file around a place, empty where there is nothing."""
    before = document.slice(Range(Position(max(0, place.start.line - _AROUND_LINES), 0), place.start))
    after = document.slice(Range(place.end, Position(place.end.line + _AROUND_LINES, 0)))
    return f"{before}{after}" if before.strip() or after.strip() else ""
