"""Interim ruff detector, until codetune_core.detectors.ruff exists."""

from codetune_core.detectors.protocol import Detection, Pace
from codetune_core.domain.check import Check
from codetune_core.domain.finding import Confidence, Finding, Rule, Severity
from codetune_core.settings import Settings


class Ruff:
    name, pace = "ruff", Pace.LIVE

    def __init__(self):
        from codetune_core.detectors.ruff_server import RuffServer

        self._server = RuffServer(["S", "F821"])

    def handles(self, document):
        return document.language == "python"

    async def detect(self, document):
        return Detection(tuple(
            Finding(Rule(d.code, d.code), d.range, d.message, Severity.LOW, Confidence.LOW, ("ruff",))
            for d in await self._server.diagnostics(document.text) if d.code.startswith("S") and not d.code.startswith("S4")
        ))

    async def check(self, document):
        ds = await self._server.diagnostics(document.text)
        return Check(not any(d.is_syntax_error for d in ds), tuple(sorted(d.message for d in ds if d.code == "F821")))

    async def aclose(self):
        await self._server.aclose()


def detectors():
    """The detectors as they stand."""
    try:
        from codetune_core.detectors.ruff import RuffDetector as First
        first = First(Settings())
    except ImportError:
        first = Ruff()
    found = [first]
    for module, name in (("secrets", "SecretsDetector"), ("calls", "CallsDetector")):
        try:
            found.append(getattr(__import__(f"codetune_core.detectors.{module}", fromlist=[name]), name)(Settings()))
        except ImportError:
            pass
    return found
