"""The ruff detector: flake8-bandit's rules through one long-lived ``ruff server``."""

import re
import subprocess
from collections.abc import Iterable
from functools import partial

from codetune_core.detectors.last_findings import LastFindings
from codetune_core.detectors.partial import Reading, read_rest
from codetune_core.detectors.protocol import Detection, Pace
from codetune_core.detectors.ruff_context import weighed
from codetune_core.detectors.ruff_server import Diagnostic, RuffServer, find_ruff
from codetune_core.detectors.rule_pack import finding_of, load_rules
from codetune_core.domain.check import Check
from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.review import Notice
from codetune_core.errors import DetectorError
from codetune_core.settings import Settings
from codetune_core.syntax.python import outline

_UNDEFINED = "F821"
_MARKER = re.compile(r"noqa|ruff(?=\s*:)", re.IGNORECASE)
_QUOTED = re.compile(r"`([^`]+)`")
_MASK = "----"
_VERSION_SECONDS = 5


class RuffDetector:
    """Findings of ruff's security rules, whatever the user's own ruff configuration says.

    Comments that silence ruff are hidden from it: what they set aside is counted where all suppressions are. Of a text
    that does not parse, the rest is looked at, and unchanged functions in the unreadable part keep their last findings.
    """

    name = "ruff"
    pace = Pace.LIVE

    def __init__(self, settings: Settings) -> None:
        self._rules = load_rules("ruff")
        attempt = settings.detectors.timeout_seconds * 0.4  # two attempts fit into a detector's time
        self._server = RuffServer([*self._rules, _UNDEFINED], limit_seconds=attempt)
        self._last = LastFindings()

    def handles(self, document: Document) -> bool:
        """Python, stubs included."""
        return document.language == "python"

    async def detect(self, document: Document) -> Detection:
        """Findings with the rule pack's words; positions in a broken text are those of the whole text."""
        text = _unsilenced(document)
        ask = partial(self._server.diagnostics, suffix=_suffix(document))
        said = await ask(text)
        if _understood(said):
            findings = self._findings(document, said)
            self._last.remember(document, findings)
            return Detection(findings)
        reading = await read_rest(text, said, ask)
        fresh = self._findings(document, reading.diagnostics)
        known = {(finding.rule.id, finding.range) for finding in fresh}
        stale = [
            kept for kept in self._last.recall(document, reading.unread) if (kept.rule.id, kept.range) not in known
        ]
        fresh = tuple(finding for finding in fresh if not any(finding.range.overlaps(kept.range) for kept in stale))
        return Detection((*fresh, *stale), _notices(document, said, reading, (*fresh, *stale)))

    async def check(self, document: Document) -> Check:
        """Whether the text as it stands parses, and which names it uses without defining them."""
        said = await self._server.diagnostics(_unsilenced(document), _suffix(document))
        if any(diagnostic.is_syntax_error for diagnostic in said):
            return Check(parses=False)
        names = [_QUOTED.search(diagnostic.message) for diagnostic in said if diagnostic.code == _UNDEFINED]
        return Check(parses=True, undefined_names=tuple(sorted(name[1] for name in names if name)))

    async def aclose(self) -> None:
        """End the child."""
        await self._server.aclose()

    def describe(self) -> str:
        """Version of ruff, and how many of its rules are asked for."""
        executable = find_ruff()
        try:
            command = [executable, "--version"]
            answer = subprocess.run(command, capture_output=True, text=True, timeout=_VERSION_SECONDS, check=True)  # noqa: S603 - the program is ours
        except (OSError, subprocess.SubprocessError) as error:
            raise DetectorError(f"{executable} does not run: reinstall it with `pip install ruff`") from error
        return f"{answer.stdout.strip()}, {len(self._rules)} rules"

    def _findings(self, document: Document, said: Iterable[Diagnostic]) -> tuple[Finding, ...]:
        found = []
        for diagnostic in said:
            rule = self._rules.get(diagnostic.code)
            if rule:
                finding = finding_of(rule, document, diagnostic.range, self.name)
                found.append(weighed(document, finding, diagnostic.message))
        return tuple(finding for finding in found if finding)


def _understood(said: Iterable[Diagnostic]) -> bool:
    """Whether the rules were applied: some errors (a parameter named twice) do not keep ruff from that."""
    codes = [diagnostic.is_syntax_error for diagnostic in said]
    return not all(codes) or not codes


def _suffix(document: Document) -> str:
    return ".pyi" if document.name.endswith(".pyi") else ".py"


def _unsilenced(document: Document) -> str:
    """The text, of the same shape, without the comments that tell ruff to be silent."""
    if not _MARKER.search(document.text):
        return document.text
    pieces, done = [], 0
    for comment in outline(document).comments:
        start = document.offset(comment.range.start)
        pieces += [document.text[done:start], _MARKER.sub(_MASK, comment.text)]
        done = start + len(comment.text)
    return "".join([*pieces, document.text[done:]])


def _notices(
    document: Document, said: Iterable[Diagnostic], reading: Reading, findings: Iterable[Finding]
) -> tuple[Notice, ...]:
    """Say what was not looked at, where nobody is just typing there or no finding would show that ruff is at work."""
    found = list(findings)
    gap = not found and any(last > first for first, last in reading.unread)
    if any(finding.stale for finding in found) or not (reading.nothing or gap or document.version is None):
        return ()
    return (Notice(f"unread:ruff:{document.uri}", f"{document.name} does not parse {_where(said, reading)}"),)


def _where(said: Iterable[Diagnostic], reading: Reading) -> str:
    if reading.nothing:
        line = min(diagnostic.range.start.line for diagnostic in said if diagnostic.is_syntax_error) + 1
        return f"at line {line}: ruff's rules were not checked"
    parts = [f"{first + 1}-{last + 1}" if last > first else f"{first + 1}" for first, last in reading.unread]
    lines = "line" if len(parts) == 1 and parts[0].isdigit() else "lines"
    return f"in {lines} {', '.join(parts)}: ruff's rules were not checked there"
