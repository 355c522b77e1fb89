"""A document with a flaw that holds, one that does not and one that only a model sees, and a reviewer to run on it."""

import re

from reviewing_models import ReviewingModel

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Confidence, Finding, Rule, Severity
from codetune_core.domain.text import Range
from codetune_core.findings.identify import identify
from codetune_core.model_reviewer.anchored_here import anchored_here
from codetune_core.model_reviewer.recipe import ModelReviewer, Scope
from codetune_core.model_reviewer.units import read

SHOP = """import hashlib

TABLE = "orders"


def orders(db, request):
    owner = request.args["owner"]
    rows = db.execute(f"SELECT * FROM {TABLE} WHERE owner = '{owner}'")
    tag = hashlib.md5(owner.encode(), usedforsecurity=False)
    log = open("/var/log/shop/" + owner, "a")
    log.write(tag.hexdigest())
    return rows
"""
RULES = (
    (Rule("S608", "SQL built from text", (89,), Severity.HIGH), re.compile(r"db\.execute\((?s:.*?)\"\)")),
    (Rule("S324", "Weak hash", (327,), Severity.MEDIUM), re.compile(r"hashlib\.md5\(.*\)")),
)


def claim(**changes) -> dict:
    """What a model says that finds the path."""
    return {
        "quote": 'open("/var/log/shop/" + owner, "a")',
        "symbol": "orders",
        "rule": "path-traversal",
        "cwe": "CWE-22",
        "severity": "high",
        "confidence": "high",
        "message": "The owner names the file.",
        "evidence": ['owner = request.args["owner"]'],
        "fix": "Use an identifier.",
        **changes,
    }


def honest(variables) -> dict:
    """Confirms SQL, refutes the hash with its evidence, and claims the path, where they stand in the code."""
    calls = {
        "S608": {"call": "confirm", "reason": "it is put into SQL", "evidence": ['owner = request.args["owner"]']},
        "S324": {"call": "refute", "reason": "not for security", "evidence": ["usedforsecurity=False"]},
    }
    told = variables.get("candidates", [])
    verdicts = [{"candidate": at, **calls[each.split()[0]]} for at, each in enumerate(told, start=1)]
    return {"verdicts": verdicts, "claims": [claim()] if claim()["quote"] in variables["code"] else []}


def honest_model() -> ReviewingModel:
    """A model that does what it is asked."""
    return ReviewingModel(lambda request, text: honest(request.variables))


def found(document: Document) -> tuple[Finding, ...]:
    """What detectors report: every place of a rule's pattern."""
    findings = []
    for rule, pattern in RULES:
        for match in pattern.finditer(document.text):
            place = Range(document.position(match.start()), document.position(match.end()))
            findings.append(Finding(rule, place, rule.title, rule.severity, Confidence.MEDIUM, ("rules",)))
    return identify(document, findings)


class Bench:
    """A reviewer with its model; reviews texts to their end."""

    def __init__(self, model: ReviewingModel, **options):
        self.model = model
        self.reviewer = ModelReviewer(model, anchored_here, **options)

    def review(self, text, *, language="python", findings=None, background="", asker=None, **scope):
        """Begin a review."""
        document = Document("file:///shop.py", text, language, 1)
        given = found(document) if findings is None else findings
        return self.reviewer.review(read(document), given, Scope(**scope), background=background, asker=asker)

    async def updates(self, text, **options):
        """Everything that is shown."""
        return [review async for review in self.review(text, **options)]

    async def last(self, text, **options):
        """What is shown at the end."""
        return (await self.updates(text, **options))[-1]


def standings(review) -> dict[str, str]:
    """Standing of each finding by its rule; ``open`` for none."""
    return {
        finding.rule.id: finding.verdict.standing.value if finding.verdict else "open" for finding in review.findings
    }
