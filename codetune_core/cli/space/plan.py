"""What a deployment sets on a Space, and how it is said."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from codetune_core.access.keys import ADMIN_VARIABLE
from codetune_core.errors import SettingsError
from codetune_core.storage.url import VARIABLE as DATABASE_VARIABLE

if TYPE_CHECKING:
    from codetune_core.cli.space.upload import Upload

BUCKET_FOLDER = "/data"
_SNAPSHOTS = "CODETUNE_SNAPSHOTS"
_MODELS = "CODETUNE_MODELS"
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Plan:
    """What is to hold.

    Attributes:
        space: ``OWNER/NAME``.
        hardware: the Hub's name of it.
        sleep_seconds: without a request after which it sleeps; -1 for never.
        upload_only: whether none of this is set, and files alone are uploaded.
        public: whether everybody may reach it (with a key of the service's all the same).
        bucket: ``OWNER/NAME`` of the storage bucket that is mounted; empty for none.
        secrets: name -> value; what is set there and not here stays.
        variables: the same.
    """

    space: str
    hardware: str
    sleep_seconds: int
    public: bool = False
    upload_only: bool = False
    bucket: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def volumes(self) -> list[dict[str, Any]]:
        """What is mounted, as the Hub wants it."""
        return [{"type": "bucket", "source": self.bucket, "mountPath": BUCKET_FOLDER}] if self.bucket else []

    def lines(self, upload: "Upload") -> Iterator[str]:
        """Say all of it, without the secrets."""
        yield from [] if self.upload_only else self._settings()
        yield f"upload, commit {upload.commit}; other files of the Space are deleted:"
        yield from (f"  {name:<40} {size:>9,} bytes" for name, size in upload.files.items())

    def _settings(self) -> Iterator[str]:
        yield f"Space {self.space}: {'public' if self.public else 'private'}, Docker, {self.hardware}, {self._sleep}"
        if self.bucket:
            yield f"storage bucket {self.bucket}, private, mounted at {BUCKET_FOLDER}"
        for name, value in self.secrets.items():
            yield f"secret {name}: {len(value)} characters"
        yield from (f"variable {name}={value}" for name, value in self.variables.items())

    @property
    def _sleep(self) -> str:
        return "never sleeps" if self.sleep_seconds < 0 else f"sleeps after {self.sleep_seconds} s without a request"


def read_secrets(wanted: Sequence[str], environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Read ``NAME`` or ``NAME=VARIABLE`` from the environment, where no shell keeps it; raises SettingsError.

    The hash of the first key and the database's address are taken where they are there.
    """
    usual = [name for name in (ADMIN_VARIABLE, DATABASE_VARIABLE) if environment.get(name)]
    sources = {name: name for name in usual} | dict(_pair(text) for text in wanted)
    missing = [source for source in sources.values() if not environment.get(source)]
    if missing:
        raise SettingsError(f"the environment variable {missing[0]} is not set: a secret's value is read from there")
    return {name: environment[source] for name, source in sources.items()}


def _pair(text: str) -> tuple[str, str]:
    name, _, source = text.partition("=")
    source = source or name
    for part in (name, source):
        if not _VARIABLE_NAME.fullmatch(part):
            # Without what was written: somebody may have put the secret itself there.
            raise SettingsError("--secret takes NAME or NAME=VARIABLE, whose value is read from the environment")
    return name, source


def read_variables(wanted: Sequence[str], models: Sequence[str], bucket: str) -> dict[str, str]:
    """Return the variables of the Space; raises SettingsError for what is not ``NAME=VALUE``."""
    found = {}
    for text in wanted:
        name, mark, value = text.partition("=")
        if not mark or not _VARIABLE_NAME.fullmatch(name):
            raise SettingsError(f"--variable takes NAME=VALUE, not {text!r}")
        found[name] = value
    if models:
        found[_MODELS] = " ".join(models)
    if bucket:
        found.setdefault(_SNAPSHOTS, f"{BUCKET_FOLDER}/codetune")
    return found


def warnings(plan: Plan) -> Iterator[str]:
    """Say what a person may not have meant."""
    url = plan.secrets.get(DATABASE_VARIABLE, "")
    if not plan.bucket and not url.startswith("postgres"):
        yield (
            "without --bucket or PostgreSQL, prompts, history and keys are lost whenever the Space starts anew; those "
            "of a bucket or database that an earlier deployment set stay"
        )
    if url.startswith("postgres") and _port(url) not in {"80", "443", "8080"}:
        yield "a Space reaches ports 80, 443 and 8080 only: its PostgreSQL has to listen on one of these"
    if plan.bucket and url.startswith("postgres"):
        yield f"{_SNAPSHOTS} is for SQLite: with PostgreSQL leave --bucket out"


def _port(url: str) -> str:
    found = re.search(r"@[^/?]*:(\d+)(?:[/?,]|$)", url)
    return found[1] if found else "5432"
