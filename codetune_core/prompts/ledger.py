"""The ledger of deployments, replayed: what stands under each label, what a rollback goes back to, what stood when."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from codetune_core.domain.deployment import Action, Deployment, Experiment


class VersionRef(NamedTuple):
    """A version as the ledger names it."""

    id: UUID
    number: int


@dataclass(frozen=True, slots=True)
class LabelState:
    """What the entries of one label add up to.

    Attributes:
        versions: what was deployed and not rolled back, the oldest first; the last one stands.
        last: the newest entry.
    """

    versions: tuple[VersionRef, ...]
    last: Deployment

    @property
    def stands(self) -> VersionRef:
        """What runs: alone, or as the control of the experiment."""
        return self.versions[-1]

    @property
    def experiment(self) -> Experiment | None:
        """The running experiment."""
        return self.last.experiment

    @property
    def earlier(self) -> tuple[VersionRef, ...]:
        """What a rollback can go back to, the nearest last; with an experiment its control is the nearest."""
        return self.versions if self.experiment else self.versions[:-1]


def replay(entries: Iterable[Deployment]) -> dict[str, LabelState]:
    """Add entries up, the oldest first, to the state of each label."""
    states: dict[str, LabelState] = {}
    for entry in entries:
        states[entry.label] = _after(states.get(entry.label), entry)
    return states


def standing_at(entries: Iterable[Deployment], when: dt.datetime) -> dict[str, Deployment]:
    """Return the entry that held at a time, by label; entries are the oldest first."""
    return {entry.label: entry for entry in entries if entry.at <= when}


def standing_between(entries: Iterable[Deployment], start: dt.datetime, end: dt.datetime) -> list[Deployment]:
    """Return the entries that held at any time from ``start`` until before ``end``, the oldest first."""
    known = list(entries)
    opening = standing_at(known, start).values()
    return [entry for entry in known if start < entry.at < end or entry in opening]


def _after(state: LabelState | None, entry: Deployment) -> LabelState:
    version = VersionRef(entry.version_id, entry.version_number)
    if state is None:
        return LabelState((version,), entry)
    if entry.action is Action.ROLLBACK and version in state.earlier:
        return LabelState(_until_last(state.earlier, version), entry)
    if version == state.stands:
        return LabelState(state.versions, entry)
    return LabelState((*state.versions, version), entry)


def _until_last(versions: tuple[VersionRef, ...], version: VersionRef) -> tuple[VersionRef, ...]:
    return versions[: len(versions) - versions[::-1].index(version)]
