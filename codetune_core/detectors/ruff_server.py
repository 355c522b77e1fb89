"""One long-lived ``ruff server`` child that is asked for the diagnostics of texts."""

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruff import find_ruff_bin  # type: ignore[import-untyped]

from codetune_core.detectors.lsp_child import ChildLost, LspChild, Message, RequestRefused
from codetune_core.domain.text import Encoding, Position, Range, from_units, split_lines
from codetune_core.errors import DetectorError, DetectorMissing, DetectorTimeout

_TARGET = "py314"
"""The newest Python that every supported ruff knows: the grammar of a newer one than the user's is no error."""
_AT_ONCE = 8
_ATTEMPTS = 2
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """What ruff says about a range of a text: the rule's code, and its words."""

    code: str
    range: Range
    message: str

    @property
    def is_syntax_error(self) -> bool:
        """Whether it says that the text does not parse here."""
        return self.code in ("invalid-syntax", "")


class RuffServer:
    """Asks ``ruff server`` about texts; starts it when first asked, and anew when it died or hangs.

    Each text is opened under a name of its own, asked about and closed in one write: the child holds no document
    between requests, and concurrent requests cannot meet. The names lie in a private empty folder, which is the child's
    working directory too, so that no configuration is near; ``editorOnly`` keeps the user's own out.
    """

    def __init__(self, codes: Sequence[str], *, executable: str | None = None, limit_seconds: float = 4) -> None:
        """Ask for these rules only; ``limit_seconds`` is for one attempt of two."""
        self._options = _options(codes)
        self._executable = executable
        self._limit = limit_seconds
        self._child: LspChild | None = None
        self._encoding = Encoding.UTF16
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._root = ""
        self._numbers = itertools.count(1)
        self._starting = asyncio.Lock()
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._ending: set[asyncio.Task[None]] = set()
        self._losses = 0
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Process id of the child, None where none runs."""
        return self._child.pid if self._child and self._child.alive else None

    async def diagnostics(self, text: str, suffix: str = ".py") -> tuple[Diagnostic, ...]:
        """What ruff says about a text; a request cut short by the child's death is made once more.

        Raises DetectorTimeout where no answer comes in time, DetectorError where ruff cannot run or refuses the text.
        """
        failure = DetectorError("ruff was not asked")
        async with self._turn:
            for _ in range(_ATTEMPTS):
                try:
                    return await self._ask(text, suffix)
                except ChildLost:
                    failure = DetectorError("`ruff server` ended twice; check that `ruff server --help` works")
                except TimeoutError:
                    failure = DetectorTimeout(_too_slow(self._limit))
                except RequestRefused as error:
                    raise DetectorError(f"ruff could not look at the text: {error}") from error
        raise failure

    async def aclose(self) -> None:
        """End the child and remove its folder."""
        self._closed = True
        async with self._starting:
            if self._child:
                await self._end(self._child)
            await asyncio.gather(*self._ending)
            if self._folder:
                self._folder.cleanup()
            self._child = self._folder = None

    async def _ask(self, text: str, suffix: str) -> tuple[Diagnostic, ...]:
        child: LspChild | None = None
        try:
            async with asyncio.timeout(self._limit):
                child = await self._running()
                answer = await self._pull(child, text, suffix)
        except TimeoutError:
            if child:
                await self._end(child)
            raise
        self._losses = 0
        lines = split_lines(text)
        return tuple(_diagnostic(item, lines, self._encoding) for item in answer["items"])

    async def _pull(self, child: LspChild, text: str, suffix: str) -> Any:
        uri = f"{self._root}/{next(self._numbers)}{suffix}"
        place = {"textDocument": {"uri": uri}}
        opened = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        return await child.request(
            "textDocument/diagnostic",
            place,
            before=[{"method": "textDocument/didOpen", "params": {"textDocument": opened}}],
            after=[{"method": "textDocument/didClose", "params": place}],
        )

    async def _running(self) -> LspChild:
        async with self._starting:
            if self._closed:
                raise DetectorError("ruff was shut down while it was asked")
            if self._child and self._child.alive:
                return self._child
            if self._child:
                await self._lose(self._child)
            if self._losses > 1:
                await asyncio.sleep(min(_FIRST_PAUSE * 2**self._losses, _LONGEST_PAUSE))
            self._child = await self._start()
            return self._child

    async def _start(self) -> LspChild:
        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="codetune-ruff-")
        self._root = Path(self._folder.name).as_uri()
        executable = self._executable or find_ruff()
        try:
            child = await LspChild.start([executable, "server"], self._folder.name)
        except OSError as error:
            raise DetectorMissing(f"{executable} cannot be run ({error.strerror}): run `pip install ruff`") from error
        try:
            answer = await child.request("initialize", self._options)
            await child.notify("initialized", {})
        except BaseException:
            await self._lose(child)
            raise
        self._encoding = Encoding(answer["capabilities"].get("positionEncoding", "utf-16"))
        return child

    async def _lose(self, child: LspChild) -> None:
        self._child = None
        self._losses += 1
        await self._end(child)

    async def _end(self, child: LspChild) -> None:
        """End a child even where whoever asks for it is cancelled."""
        ending = asyncio.create_task(child.end())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        await asyncio.shield(ending)


def find_ruff() -> str:
    """Path of ruff's executable, that of the installed package before one on PATH; raises DetectorMissing."""
    try:
        return str(find_ruff_bin())
    except FileNotFoundError:
        found = shutil.which("ruff")
    if not found:
        raise DetectorMissing("ruff is not installed: run `pip install ruff`")
    return found


def _options(codes: Sequence[str]) -> Message:
    settings = {
        "configurationPreference": "editorOnly",
        "configuration": {"target-version": _TARGET, "lint": {"select": list(codes), "preview": False}},
    }
    encodings = [Encoding.UTF32.value, Encoding.UTF16.value]
    capabilities = {"general": {"positionEncodings": encodings}, "textDocument": {"diagnostic": {}}}
    return {
        "processId": None,
        "rootUri": None,
        "capabilities": capabilities,
        "initializationOptions": {"settings": settings},
    }


def _diagnostic(item: Any, lines: list[str], encoding: Encoding) -> Diagnostic:
    start, end = (_position(item["range"][side], lines, encoding) for side in ("start", "end"))
    return Diagnostic(str(item.get("code") or ""), Range(start, end), item["message"])


def _position(place: Any, lines: list[str], encoding: Encoding) -> Position:
    line = min(place["line"], len(lines) - 1)
    return Position(line, from_units(lines[line], place["character"], encoding))


def _too_slow(limit: float) -> str:
    return f"ruff did not answer within {limit:g} s, twice: exclude the file, or switch the detector off"
