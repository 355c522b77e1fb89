"""How the revision of a schema stands to those that this CodeTune knows, told without SQLAlchemy and Alembic."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class SchemaState:
    """How a database's schema stands to this CodeTune's; ``revision`` is None where there is none."""

    revision: str | None
    head: str
    relation: Literal["empty", "older", "current", "newer"]


def migrations_folder() -> Path:
    """Return the folder of the revisions: in the wheel beside this module, in a checkout at its top."""
    packaged = Path(__file__).parent / "migrations"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "migrations"


def state_of(revision: str | None, folder: Path | None = None) -> SchemaState:
    """Compare a revision with the newest that this CodeTune knows."""
    known = sorted(path.name.partition("_")[0] for path in ((folder or migrations_folder()) / "versions").glob("*.py"))
    head = known[-1]
    if revision is None:
        return SchemaState(None, head, "empty")
    if revision == head:
        return SchemaState(revision, head, "current")
    return SchemaState(revision, head, "older" if revision in known else "newer")
