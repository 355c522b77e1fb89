"""Makes a detector of any command that writes SARIF 2.1.0."""

import asyncio
import re
import shutil
import tempfile
from pathlib import Path

from codetune_core.detectors.child import Ended, TooMuchOutput, run
from codetune_core.detectors.protocol import Detection, Pace
from codetune_core.detectors.sarif_log import read_log
from codetune_core.domain.document import Document
from codetune_core.errors import DetectorError, DetectorMissing, DetectorTimeout
from codetune_core.sections import SarifTool

_MAX_BYTES = 32 * 1024 * 1024
_SUFFIXES = {
    "python": ".py", "javascript": ".js", "javascriptreact": ".jsx", "typescript": ".ts", "typescriptreact": ".tsx",
    "go": ".go", "java": ".java", "ruby": ".rb", "php": ".php", "c": ".c", "cpp": ".cpp", "csharp": ".cs",
    "rust": ".rs", "yaml": ".yaml", "json": ".json", "terraform": ".tf", "shellscript": ".sh", "html": ".html",
}  # fmt: skip
_UNSAFE = re.compile(r"[^\w.\- ]")


class SarifDetector:
    """One command of ``detectors.sarif``, run on a private copy of the document's current text.

    The copy has the document's file name, and stands in a folder of its own below the folder in which the command runs,
    so that no program takes it for a module of its own. Both are deleted afterwards. Any exit code is accepted where
    SARIF was written, because many tools end with 1 when they find something.
    """

    pace = Pace.SAVE

    def __init__(self, name: str, tool: SarifTool) -> None:
        self.name = name
        self._tool = tool

    def handles(self, document: Document) -> bool:
        return document.language in self._tool.languages

    async def detect(self, document: Document) -> Detection:
        with tempfile.TemporaryDirectory(prefix="codetune-", ignore_cleanup_errors=True) as name:
            folder, copy = await asyncio.to_thread(_lay_out, name, document)
            ended = await self._run(folder, copy)
            return await asyncio.to_thread(self._read, ended, folder, copy, document)

    async def aclose(self) -> None:
        pass

    def describe(self) -> str:
        return f"`{' '.join(self._tool.command)}` ({self._program()})"

    def _program(self) -> str:
        """Absolute path of the program: the folder it runs in must not change what a name means."""
        found = shutil.which(self._tool.command[0])
        if found is None:
            raise DetectorMissing(
                f"{self.name}: the program `{self._tool.command[0]}` was not found; "
                f"install it, or correct `detectors.sarif.{self.name}.command`"
            )
        return str(Path(found).absolute())

    async def _run(self, folder: Path, copy: Path) -> Ended:
        places = {"{file}": str(copy), "{output}": str(folder / "output.sarif")}
        arguments = [_filled(argument, places) for argument in self._tool.command[1:]]
        if not any("{file}" in argument for argument in self._tool.command):
            arguments.append(str(copy))
        seconds = self._tool.timeout_seconds
        try:
            return await run([self._program(), *arguments], folder, seconds, _MAX_BYTES)
        except TimeoutError:
            hint = f"a longer limit can be set as `detectors.sarif.{self.name}.timeout_seconds`"
            raise DetectorTimeout(f"{self.name}: no answer within {seconds:g} seconds; {hint}") from None
        except TooMuchOutput:
            raise DetectorError(f"{self.name}: stopped, because it wrote more than {_MAX_BYTES >> 20} MB") from None
        except OSError as error:
            message = f"{self.name}: `{self._tool.command[0]}` cannot be run: {error.strerror}"
            raise DetectorMissing(message) from None

    def _read(self, ended: Ended, folder: Path, copy: Path, document: Document) -> Detection:
        try:
            return read_log(self._written(ended, folder), document, copy, self.name)
        except ValueError as error:
            said = ended.last_words if ended.last_words and ended.last_words not in document.text else "nothing"
            raise DetectorError(
                f"{self.name}: {error}; the command ended with code {ended.code} and said: {said}. "
                f"Try it in a terminal: `{' '.join(self._tool.command)}`"
            ) from None

    def _written(self, ended: Ended, folder: Path) -> bytes:
        if not any("{output}" in argument for argument in self._tool.command):
            return ended.output
        output = folder / "output.sarif"
        if not output.is_file():
            raise ValueError("it wrote no file to the path given as {output}")
        if output.stat().st_size > _MAX_BYTES:
            raise ValueError(f"it wrote more than {_MAX_BYTES >> 20} MB")
        return output.read_bytes()


def _filled(argument: str, places: dict[str, str]) -> str:
    return re.sub(r"\{(?:file|output)\}", lambda match: places[match[0]], argument)


def _file_name(document: Document) -> str:
    """The document's own name as far as it is fit for a file; rules look at names such as ``test_*.py``."""
    name = _UNSAFE.sub("_", document.name).strip(". ") or "document"
    return name if Path(name).suffix else name + _SUFFIXES.get(document.language, "")


def _lay_out(name: str, document: Document) -> tuple[Path, Path]:
    """The folder to run in, and the copy of the document below it."""
    folder = Path(name).resolve()
    copy = folder / "source" / _file_name(document)
    copy.parent.mkdir()
    copy.write_bytes(document.text.encode("utf-8", "replace"))
    return folder, copy
