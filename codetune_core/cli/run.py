"""Reviews many files with worker processes, in parallel, and gives the reports in the order of the files."""

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from codetune_core.cli.fixing import Fixing, fixed
from codetune_core.cli.report import FileReport
from codetune_core.cli.workspace import Workspace, relative_to, shown_path
from codetune_core.detectors.protocol import Pace
from codetune_core.domain.document import Document
from codetune_core.domain.review import Review
from codetune_core.errors import CodeTuneError, UnreadableFile
from codetune_core.settings import Settings
from codetune_core.workers.messages import ReviewTask
from codetune_core.workers.pool import Pool
from codetune_core.workspace.discover import Target
from codetune_core.workspace.read import SourceFile, decode, is_binary, read_bytes
from codetune_core.workspace.skip import too_large
from codetune_core.workspace.write import rewrite

_FILES_PER_WORKER = 12
"""Starting one more worker takes about as long as reviewing this many files."""
_IN_FLIGHT = 2
"""Files a worker holds at a time: it reads one while it waits for the detectors of another."""


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Reviews one file after the other with the same pool and workspace; fixes them where ``fixing`` is given."""

    pool: Pool
    workspace: Workspace
    fixing: Fixing | None

    async def file(self, target: Target) -> FileReport:
        """Review one file, and write it back where fixes were applied."""
        blank = FileReport(shown_path(target.path), relative_to(target.path, self.workspace.root))
        try:
            source = self._read(target)
            if isinstance(source, str):
                return replace(blank, skipped=source)
            report = await self.text(source, blank, named=target.named)
            if report.applied and report.document:
                rewrite(source, report.document.text)
        except CodeTuneError as error:
            return replace(blank, problem=str(error))
        return report

    async def text(self, source: SourceFile, blank: FileReport, *, named: bool) -> FileReport:
        """Review and fix in memory; raises CodeTuneError where no worker can do it."""
        settings = self._settings(named=named)

        async def look(document: Document) -> FileReport:
            task = ReviewTask(document, blank.in_workspace, Pace.SAVE, settings)
            report = blank
            async with aclosing(self.pool.review(task)) as growing:
                async for review in growing:
                    report = _reported(blank, document, review)
            return report

        report = await look(source.document)
        return await fixed(self.fixing, self.pool, settings, report, look) if self.fixing else report

    def _read(self, target: Target) -> SourceFile | str:
        """The file, or why it is skipped; one that the user named is not skipped for being binary, but refused."""
        if reason := self._too_large(target):
            return reason
        data = read_bytes(target.path)
        if not target.named and is_binary(data):
            return "binary"
        try:
            return decode(target.path, data)
        except UnreadableFile:
            if target.named or target.path.suffix in (".py", ".pyi", ".pyw"):
                raise
            return "not UTF-8"

    def _too_large(self, target: Target) -> str:
        try:
            return too_large(target.path.stat().st_size, self.workspace.settings.files)
        except OSError:
            return ""  # what is wrong is said when it is read

    def _settings(self, *, named: bool) -> Settings:
        settings = self.workspace.settings
        if not named or settings.files.include_generated:
            return settings
        return settings.model_copy(update={"files": settings.files.model_copy(update={"include_generated": True})})


def _reported(blank: FileReport, document: Document, review: Review) -> FileReport:
    return replace(
        blank,
        document=document,
        findings=review.findings,
        suppressed=review.suppressed,
        notices=review.notices,
        skipped=review.skipped,
    )


async def review_files(
    workspace: Workspace, targets: Sequence[Target], jobs: int | None, fixing: Fixing | None, done: Callable[[], None]
) -> list[FileReport]:
    """Review files.

    Args:
        workspace: settings and directory.
        targets: the files.
        jobs: worker processes at most; None for as many as there are processors, fewer for few files.
        fixing: which fixes to apply, None for none.
        done: called after each file.

    Returns:
        One report for each target, in the same order whatever the number of workers.
    """
    size = jobs or max(1, min(os.cpu_count() or 1, len(targets) // _FILES_PER_WORKER))
    reports: dict[int, FileReport] = {}
    left = iter(enumerate(targets))
    pool = Pool(size)
    reviewer = Reviewer(pool, workspace, fixing)

    async def work() -> None:
        for number, target in left:
            reports[number] = await reviewer.file(target)
            done()

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(size * _IN_FLIGHT):
                group.create_task(work())
    except BaseException:
        await pool.restart()  # Ctrl-C: ends the workers at once
        raise
    await pool.aclose()
    return [reports[number] for number in sorted(reports)]


async def review_text(workspace: Workspace, source: SourceFile, fixing: Fixing | None) -> FileReport:
    """Review a text that is not read from a file of its own."""
    blank = FileReport(shown_path(source.path), relative_to(source.path, workspace.root))
    pool = Pool(1)
    try:
        return await Reviewer(pool, workspace, fixing).text(source, blank, named=True)
    except CodeTuneError as error:
        return replace(blank, document=source.document, problem=str(error))
    finally:
        await pool.aclose()
