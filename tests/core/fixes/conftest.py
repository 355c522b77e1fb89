"""The real pipeline of a fix: detect with ruff, propose, verify, apply."""

import asyncio
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from codetune_core.bootstrap.workbench import Workbench
from codetune_core.detectors.protocol import Pace
from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.fix import Applicability, Fix
from codetune_core.settings import Settings


def document(text: str) -> Document:
    return Document("untitled:case.py", text, "python")


@dataclass
class Bench:
    """The detectors and the fixer, kept over all tests."""

    runner: asyncio.Runner
    workbench: Workbench

    def findings(self, text: str, rule: str) -> list[Finding]:
        """Findings of a rule in a text, each with its verified fixes."""
        return [finding for finding in self.runner.run(self._reviewed(text)) if rule in finding.names]

    def all_fixed(self, text: str, rule: str) -> str:
        return self.runner.run(self._all_fixed(text, rule))

    async def _reviewed(self, text: str) -> tuple[Finding, ...]:
        reviews = self.workbench.review(document(text), "case.py", Pace.LIVE, with_fixes=True)
        last = [review async for review in reviews][-1]
        assert not last.notices, last.notices
        return last.findings

    async def _all_fixed(self, text: str, rule: str) -> str:
        findings = [finding for finding in await self._reviewed(text) if finding.rule.id == rule]
        fixed = await self.workbench.fix_all(document(text), findings)
        return document(text).edited(fixed.edits).text


@pytest.fixture(scope="session")
def bench() -> Iterator[Bench]:
    with asyncio.Runner() as runner:
        workbench = Workbench(Settings())
        yield Bench(runner, workbench)
        runner.run(workbench.aclose())


def dedented(text: str) -> str:
    return textwrap.dedent(text).lstrip("\n") if text.startswith("\n") else text


@pytest.fixture
def check_fix(bench: Bench) -> Callable[..., Fix]:
    """Check that the fix at ``index`` of finding ``at`` of a rule turns one text into the other, and settles it."""

    def check(
        before: str,
        after: str,
        rule: str,
        *,
        at: int = 0,
        title: str = "",
        index: int = 0,
        applicability: str = "",
        note: str = "",
    ) -> Fix:
        before, after = dedented(before), dedented(after)
        found = bench.findings(before, rule)
        assert len(found) > at, f"nothing reports {rule}"
        fixes = [fix for fix in found[at].fixes if fix.edits]
        assert len(fixes) > index, f"no fix is offered: {found[at].fixes}"
        fix = fixes[index]
        fixed = document(before).edited(fix.edits).text
        assert fixed == after
        compile(fixed.removeprefix("\ufeff"), "after", "exec")
        assert fix.verification.passed
        assert title in fix.title
        assert applicability in fix.applicability
        assert note in fix.note
        assert len(bench.findings(fixed, rule)) < len(found), "a second application would find the same again"
        return fix

    return check


@pytest.fixture
def check_declined(bench: Bench) -> Callable[..., list[Fix]]:
    """Check that no edit is offered for any finding of a rule; what is only displayed may be."""

    def check(before: str, rule: str) -> list[Fix]:
        found = bench.findings(dedented(before), rule)
        assert found, f"ruff reports no {rule}"
        fixes = [fix for finding in found for fix in finding.fixes]
        assert all(fix.applicability is Applicability.DISPLAY_ONLY and not fix.edits for fix in fixes), fixes
        return fixes

    return check
