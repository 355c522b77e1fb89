"""What models are asked about a shop's code and what they answer: for a script, and to teach a small model."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import JsonValue

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.prompt import Wording
from codetune_core.mending.enclosing import around
from codetune_core.model_reviewer.question import PROMPT as REVIEW
from codetune_core.model_reviewer.question import questions
from codetune_core.model_reviewer.units import read
from codetune_core.prompts.files import read_prompt
from codetune_core.prompts.starter import shipped_files
from codetune_core.workers.messages import Wanted
from codetune_server.mending.question import PROMPT as FIX
from codetune_server.mending.question import question

NOTES = """\


def notes(name: str):
    return open("/srv/notes/" + name).read()
"""
"""A flaw that no detector sees."""
FLAWED = "execute(f\"SELECT id FROM users WHERE name = '{name}'\")"
SAFE = 'execute("SELECT id FROM users WHERE name = ?", (name,))'
SHOP = f"""\
import sqlite3
import subprocess


def find(connection: sqlite3.Connection, name: str):
    return connection.{FLAWED}.fetchone()


def version():
    return subprocess.run("git describe", shell=True)
"""
"""A candidate that holds, and one that does not."""
LOADER = """\
import yaml


def load(text: str):
    return yaml.load(text)
"""
_SHORT = {
    REVIEW: (
        "You judge code: which candidates hold, and what they missed.",
        "{% for candidate in candidates %}\n{{ loop.index }}. {{ candidate }}\n{% endfor %}\n\n{{ code }}",
    ),
    FIX: ("You mend findings by exact edits.", "{{ rule }}\n\n{{ code }}"),
}


@dataclass(frozen=True, slots=True)
class Lesson:
    """One request as the product makes it, and the answer to be learnt."""

    prompt: str
    variables: dict[str, JsonValue]
    answer: dict[str, JsonValue]

    @property
    def text(self) -> str:
        """The answer as constrained decoding can write it: no white space, no escapes but the short ones."""
        return json.dumps(self.answer, separators=(",", ":"), ensure_ascii=False)


def wording(prompt: str) -> Wording:
    """The shipped wording, cut to what a model of two million weights can read: its schema and variables stay."""
    name = f"{prompt}.prompt.md"
    system, user = _SHORT[prompt]
    shipped = read_prompt(shipped_files()[name], name).wording
    short = {"system_prompt": system, "user_prompt_template": user, "few_shot_examples": ()}
    return shipped.model_copy(update={**short, "temperature": 0.0, "max_tokens": 400})


def _verdict(call: str, reason: str, evidence: str) -> dict[str, JsonValue]:
    return {"verdicts": [{"candidate": 1, "call": call, "reason": reason, "evidence": [evidence]}], "claims": []}


def _edit(quote: str, replacement: str, explanation: str) -> dict[str, JsonValue]:
    return {"edits": [{"quote": quote, "replacement": replacement}], "explanation": explanation}


NOTHING: dict[str, JsonValue] = {"verdicts": [], "claims": []}
JUDGED: dict[str, dict[str, JsonValue]] = {
    "find": _verdict("confirm", "The name becomes SQL.", "WHERE name = '{name}'"),
    "version": _verdict("refute", "The command is a constant.", '"git describe"'),
    "notes": {
        "verdicts": [],
        "claims": [
            {
                "quote": 'open("/srv/notes/" + name)',
                "symbol": "notes",
                "rule": "path-traversal",
                "cwe": "CWE-22",
                "severity": "high",
                "confidence": "high",
                "message": "The name may hold ../ and read any file.",
            }
        ],
    },
    "load": _verdict("confirm", "The text builds any object.", "return yaml.load(text)"),
}
"""By the function that is asked about, as long as it is flawed."""
MENDED: dict[str, dict[str, JsonValue]] = {
    "find": _edit(FLAWED, SAFE, "The name is a parameter."),
    "load": _edit("yaml.load(text)", "yaml.safe_load(text)", "Only plain values are built."),
}


def judging(document: Document, findings: Iterable[Finding]) -> Iterator[Lesson]:
    """What a review asks about each function of a document, and what is to be said."""
    for asked in questions(read(document), findings):
        if asked.unit.name:
            flawed = asked.candidates or asked.unit.name == "notes"
            answer = JUDGED[asked.unit.name] if flawed else NOTHING
            yield from (Lesson(REVIEW, variables, answer) for variables in asked.variables)


def mending(document: Document, findings: Iterable[Finding]) -> Iterator[Lesson]:
    """What a fix of each finding that holds asks, and what is to be said."""
    for finding in findings:
        if finding.symbol in MENDED:
            wanted = Wanted(0, "", (around(document, finding.range),))
            asked = question(document, finding, None, wanted)
            yield Lesson(FIX, dict(asked.variables), MENDED[finding.symbol])


def script() -> str:
    """The same answers for the scripted engine, which is asked in the shipped wordings."""
    mends = [(f"Mend this finding[\\s\\S]*\\bdef {name}\\(", answer) for name, answer in MENDED.items()]
    judges = [(f"Judge {name}\\.\\n\\nCandidates", JUDGED[name]) for name in ("find", "version", "load")]
    judges.append(("Judge notes\\.", JUDGED["notes"]))
    rules = [{"pattern": pattern, "answers": [json.dumps(answer)]} for pattern, answer in (*mends, *judges)]
    models = [{"name": "tiny", "engine": "scripted", "context_tokens": 16384}]
    return json.dumps({"models": models, "rules": rules, "default": {"answers": [json.dumps(NOTHING)]}})
