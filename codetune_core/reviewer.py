"""The recipe of a review: detect, merge, identify, suppress."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace

from codetune_core.detectors.protocol import Detection, Detector, Pace
from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.review import TIMED_OUT, Notice, Review, Stage
from codetune_core.errors import CodeTuneError
from codetune_core.findings.identify import identify
from codetune_core.findings.merge import merge
from codetune_core.findings.suppress import suppress
from codetune_core.settings import Settings


class Reviewer:
    """Reviews documents with the detectors it was given.

    A detector that crashes or does not answer in time loses its own findings and is named in a notice; the others
    stand.
    """

    def __init__(self, detectors: Sequence[Detector], settings: Settings) -> None:
        self._detectors = detectors
        self._settings = settings

    async def review(self, document: Document, relative_path: str, pace: Pace) -> AsyncIterator[Review]:
        """Yield what the fast detectors find, then, at ``Pace.SAVE``, what all of them find.

        ``relative_path`` is the document's in its workspace, with ``/``; empty where it has none.
        """
        live = await self._detect(document, Pace.LIVE)
        slow = [detector for detector in self._detectors if detector.pace is Pace.SAVE and detector.handles(document)]
        if pace is Pace.LIVE or not slow:
            yield self._review(document, relative_path, live, Stage.COMPLETE)
            return
        yield self._review(document, relative_path, live, Stage.LIVE)
        yield self._review(document, relative_path, [*live, *await self._detect(document, Pace.SAVE)], Stage.COMPLETE)

    async def findings(self, document: Document, also: Iterable[str] = ()) -> tuple[Finding, ...]:
        """Everything the fast detectors and those named in ``also`` find, suppressed or not: for verifying a fix.

        Raises CodeTuneError where one of them could not answer.
        """
        detectors = [
            detector
            for detector in self._detectors
            if detector.handles(document) and (detector.pace is Pace.LIVE or detector.name in also)
        ]
        detections = await asyncio.gather(*(self._ask(detector, document) for detector in detectors))
        failures = [notice for detection in detections for notice in detection.notices]
        if failures:
            raise CodeTuneError(failures[0].text)
        return identify(document, merge(finding for detection in detections for finding in detection.findings))

    async def _detect(self, document: Document, pace: Pace) -> list[Detection]:
        asked = [detector for detector in self._detectors if detector.pace is pace and detector.handles(document)]
        return await asyncio.gather(*(self._ask(detector, document) for detector in asked))

    async def _ask(self, detector: Detector, document: Document) -> Detection:
        limit = _time_limit(detector, self._settings)
        try:
            async with asyncio.timeout(limit):
                return await detector.detect(document)
        except TimeoutError:
            text = f"{detector.name} did not answer within {limit:g} s: its findings are missing"
            return Detection(notices=(Notice(f"{TIMED_OUT}{detector.name}", text),))
        except CodeTuneError as error:
            return Detection(notices=(Notice(f"failed:{detector.name}", f"{detector.name}: {error}"),))
        except Exception as error:  # noqa: BLE001 - a detector's fault is its own
            text = f"{detector.name} crashed ({type(error).__name__}): its findings are missing"
            return Detection(notices=(Notice(f"crashed:{detector.name}", text),))

    def _review(self, document: Document, relative_path: str, detections: list[Detection], stage: Stage) -> Review:
        rules = self._settings.rules
        found = merge(finding for detection in detections for finding in detection.findings)
        weighed = (_weighed(finding, self._settings) for finding in identify(document, found))
        shown, aside = suppress(document, weighed, rules, relative_path)
        notices = tuple(notice for detection in detections for notice in detection.notices)
        return Review(document.uri, document.version, stage, shown, aside, notices)


def _weighed(finding: Finding, settings: Settings) -> Finding:
    chosen = [settings.rules.severity[name] for name in finding.names if name in settings.rules.severity]
    return replace(finding, severity=chosen[0]) if chosen else finding


def _time_limit(detector: Detector, settings: Settings) -> float:
    """Seconds; a command has a limit of its own, keeps it itself, and gets a second to end its processes."""
    tool = settings.detectors.sarif.get(detector.name)
    return tool.timeout_seconds + 1 if tool else settings.detectors.timeout_seconds
