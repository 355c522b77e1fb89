"""The outbound policy: whether what is asked may leave this machine, decided in this one place.

A folder's files hold for all that is below it, whether the workspace is trusted or not, because they can only forbid.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from pathspec import GitIgnoreSpec

from codetune_core.outbound.origin import Origin
from codetune_core.outbound.rules import rules_of
from codetune_core.sections import FileSettings
from codetune_core.service_sections import OutboundSettings
from codetune_core.workspace.ignores import Ignores

SECRET_FILES = (
    ".env", ".env.*", "!.env.example", "!.env.sample", "!.env.template", ".netrc", "_netrc", ".pgpass", ".htpasswd",
    ".git-credentials", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.ppk",
    "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519",
)  # fmt: skip
"""Files that consist of secrets, so that replacing those that are recognised would not do."""


class Policy:
    """What the settings, and the files around what is asked about, let leave."""

    def __init__(self, settings: OutboundSettings) -> None:
        self._settings = settings
        self._ignore = GitIgnoreSpec.from_lines(settings.ignore)
        self._git_ignored = GitIgnoreSpec.from_lines(settings.git_ignored)
        self._secret_files = GitIgnoreSpec.from_lines(SECRET_FILES)

    def refusal(self, origin: Origin) -> str:
        """Say in words why nothing of this may leave, by which rule of which file; empty where it may.

        Reads the disk. A workspace or a path of another machine, as a service gets them, is judged by its name alone.
        """
        if self._settings.local_only:
            return "nothing leaves this machine: outbound.local_only is set in the settings"
        workspace = Path(origin.workspace) if os.path.isabs(origin.workspace) else None  # noqa: PTH117 - a text
        return next(self._reasons(workspace, origin.paths), "")

    def _reasons(self, workspace: Path | None, paths: tuple[str, ...]) -> Iterator[str]:
        if workspace:
            yield from _of_folders(_around(workspace))
        for written in paths:
            path = workspace / written if workspace else Path(written)
            yield from self._of_file(path, workspace)

    def _of_file(self, path: Path, workspace: Path | None) -> Iterator[str]:
        """Yield why a file's text may not leave, under any name that leads to it."""
        for name in _names(path):
            if self._matches(self._ignore, name, workspace):
                yield _of("outbound.ignore of the settings", name)
            if self._secret_files.match_file(name.name):
                yield f"{name} is not sent: a file of this name holds secrets; paste the lines that you mean instead"
            if name.is_absolute():
                yield from _of_folders(_around(name.parent))
                yield from _ignored(name)
                yield from self._of_git(name, workspace)

    def _of_git(self, path: Path, workspace: Path | None) -> Iterator[str]:
        if self._matches(self._git_ignored, path, workspace):
            return
        reason = Ignores(path.parent, FileSettings(include_generated=True)).why_anywhere(path)
        if reason == "ignored by .gitignore":
            yield f"{path} is not sent, because git ignores it; outbound.git_ignored in your own settings can allow it"

    @staticmethod
    def _matches(spec: GitIgnoreSpec, path: Path, workspace: Path | None) -> bool:
        names = [path.relative_to(path.anchor).as_posix()]
        if workspace and path.is_relative_to(workspace):
            names.append(path.relative_to(workspace).as_posix())
        return any(spec.match_file(name) for name in names)


def _of_folders(folders: Iterator[Path]) -> Iterator[str]:
    for folder in folders:
        for rules in rules_of(folder):
            if rules.local_only:
                yield f"nothing of {folder} leaves this machine: {rules.source} says outbound.local_only"
            if rules.broken:
                yield f"nothing of {folder} is sent, because {rules.source} cannot be understood: {rules.broken}"


def _ignored(path: Path) -> Iterator[str]:
    for folder in path.parents:
        for rules in rules_of(folder):
            if rules.ignore and rules.ignore.match_file(path.relative_to(folder).as_posix()):
                yield _of(rules.source, path)


def _names(path: Path) -> Iterator[Path]:
    """Yield a path and the one to which links lead."""
    if not path.is_absolute():
        yield path
        return
    yield from dict.fromkeys((Path(os.path.abspath(path)), Path(os.path.realpath(path))))  # noqa: PTH100 - links stay


def _around(folder: Path) -> Iterator[Path]:
    """Yield a folder and all around it, by its name and by where links lead."""
    absolute = Path(os.path.abspath(folder))  # noqa: PTH100 - links stay links
    yield from dict.fromkeys((absolute, *absolute.parents, *(real := absolute.resolve(), *real.parents)))


def _of(source: str, path: Path) -> str:
    return f"{path} is not sent: {source} says so"
