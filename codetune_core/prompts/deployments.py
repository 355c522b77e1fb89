"""Which version runs under a label: deploying, rolling back, experiments, and what ran when."""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import TypedDict, Unpack

from pydantic import ValidationError

from codetune_core.domain.deployment import PRODUCTION, Action, Arm, Deployment, Experiment
from codetune_core.domain.identifiers import new_id
from codetune_core.domain.prompt import Prompt, PromptVersion
from codetune_core.errors import LedgerMoved, PromptError
from codetune_core.prompts.ledger import LabelState, VersionRef, replay, standing_at, standing_between
from codetune_core.prompts.lookup import active_prompt, any_prompt, nothing_deployed, version_of
from codetune_core.prompts.protocol import Deployed, Entry, PromptRef, PromptStore

_ATTEMPTS = 50
LABEL = r"\w[\w./-]*"
"""How labels are written, as a regular expression."""
LONGEST_LABEL = 100
"""In characters; no part of the expression, for pydantic's takes 50 ms to count so far."""


class ExperimentRules(TypedDict, total=False):
    """When an experiment ends by itself; see Experiment, whose values hold for what is not given."""

    alpha: float
    automatic: bool
    min_executions: int


class Deployments:
    """The ledger's part of the library: each act is one new entry, and no entry ever changes."""

    def __init__(self, store: PromptStore) -> None:
        self._store = store

    async def deploy(  # noqa: PLR0913 - what, where, who and why
        self,
        name: PromptRef,
        number: int,
        *,
        label: str = PRODUCTION,
        by: str,
        reason: str = "",
        after: int | None = None,
    ) -> Deployment:
        """Let a version run under a label, and end its experiment; nothing is written where it runs there alone.

        ``after`` is the sequence of the label's last entry as the caller knows it, 0 for none: raises LedgerMoved
        where that is no longer so. Raises PromptError for a label that is no word of letters, digits and ``._/-``, at
        most 100 long.
        """
        if len(label) > LONGEST_LABEL or not re.fullmatch(LABEL, label):
            raise PromptError(f"{label!r} is no label: use up to 100 letters, digits and . _ / -")
        prompt = await active_prompt(self._store, name)
        version = await version_of(self._store, prompt, number)
        entry = Entry(prompt.id, version.id, label, Action.DEPLOY, by, reason)
        for _ in range(_ATTEMPTS):
            state = await self._state(prompt, label)
            _expect_last(state, label, after)
            if state and state.stands.id == version.id and not state.experiment:
                return state.last
            try:
                return await self._store.append(entry, state.last.sequence if state else None)
            except LedgerMoved:
                continue  # whatever stands there now: this version is wanted
        raise LedgerMoved(f"others keep deploying {prompt.name!r} to {label!r}: look who, then try again")

    async def _deploy_new(self, prompt: Prompt, version: PromptVersion, *, by: str, reason: str) -> None:
        """Let the first version of a prompt just made run in production, without looking what else ran there."""
        try:
            await self._store.append(Entry(prompt.id, version.id, PRODUCTION, Action.DEPLOY, by, reason), None)
        except LedgerMoved:  # somebody knows the prompt already
            await self.deploy(prompt.id, version.number, by=by, reason=reason)

    async def rollback(  # noqa: PLR0913 - what, where, who and why
        self,
        name: PromptRef,
        *,
        label: str = PRODUCTION,
        number: int | None = None,
        by: str,
        reason: str = "",
        after: int | None = None,
    ) -> Deployment:
        """Go back to what stood before: during an experiment to its control, else one deployment, or to a version.

        Two in a row go back two. Raises LedgerMoved where somebody deployed in the meantime, or after the entry
        called ``after``; PromptError where nothing stood before.
        """
        prompt, state = await self._standing(name, label)
        _expect_last(state, label, after)
        target = _target(prompt.name, state, number)
        entry = Entry(prompt.id, target.id, label, Action.ROLLBACK, by, reason)
        return await self._store.append(entry, state.last.sequence)

    async def start_experiment(
        self,
        name: str,
        weights: Mapping[int, float],
        *,
        label: str = PRODUCTION,
        by: str,
        reason: str = "",
        **rules: Unpack[ExperimentRules],
    ) -> Deployment:
        """Split a label's traffic between versions, by number; what stands there is one of them, and the control.

        Raises PromptError where it is not, where there is nothing to compare, or where an experiment runs.
        """
        prompt, state = await self._standing(name, label)
        if state.experiment:
            raise PromptError(f"an experiment runs under {label!r} of {name!r}: stop it, or promote an arm, first")
        if (control := state.stands).number not in weights or len(weights) < 2:  # noqa: PLR2004 - to compare takes two
            raise PromptError(f"version {control.number} stands under {label!r}: compare it with at least one other")
        numbers = [control.number, *sorted(weights.keys() - {control.number})]
        versions = [await version_of(self._store, prompt, number) for number in numbers]
        experiment = _experiment(versions, weights, rules)
        entry = Entry(prompt.id, control.id, label, Action.EXPERIMENT, by, reason, experiment)
        return await self._store.append(entry, state.last.sequence)

    async def stop_experiment(
        self, name: str, *, label: str = PRODUCTION, by: str, reason: str = "", experiment_id: str = ""
    ) -> Deployment:
        """End the running experiment and keep its control.

        With ``experiment_id`` only that one: raises LedgerMoved where another one runs, or none.
        """
        prompt, state, experiment = await self._running(name, label, experiment_id)
        entry = Entry(prompt.id, experiment.arms[0].version_id, label, Action.ROLLBACK, by, reason)
        return await self._store.append(entry, state.last.sequence)

    async def promote(  # noqa: PLR0913 - which arm, where, who and why
        self, name: str, arm: str, *, label: str = PRODUCTION, by: str, reason: str = "", experiment_id: str = ""
    ) -> Deployment:
        """End the running experiment and deploy the version of one of its arms.

        With ``experiment_id`` only that one: raises LedgerMoved where another one runs, or none.
        """
        prompt, state, experiment = await self._running(name, label, experiment_id)
        arms = {arm.name: arm.version_id for arm in experiment.arms}
        if arm not in arms:
            raise PromptError(f"the experiment has no arm {arm!r}, only {', '.join(arms)}")
        entry = Entry(prompt.id, arms[arm], label, Action.DEPLOY, by, reason)
        return await self._store.append(entry, state.last.sequence)

    async def experimenting(self) -> list[Deployed]:
        """Return what stands where an experiment runs, of all active prompts."""
        return await self._store.experimenting()

    async def states(self, name: PromptRef) -> dict[str, LabelState]:
        """Return what stands under each label now, with what a rollback would go back to."""
        return replay(await self.ledger(name))

    async def ledger(self, name: PromptRef, *, label: str | None = None) -> list[Deployment]:
        """Return a prompt's entries, the oldest first."""
        return await self._store.ledger((await any_prompt(self._store, name)).id, label)

    async def at(self, name: str, when: dt.datetime, *, label: str = PRODUCTION) -> Deployment | None:
        """Return the entry that held at a time, with its experiment's arms; None where nothing was deployed yet."""
        prompt = await any_prompt(self._store, name)
        return standing_at(await self._store.ledger(prompt.id, label, until=when), when).get(label)

    async def between(
        self, name: str, start: dt.datetime, end: dt.datetime, *, label: str | None = PRODUCTION
    ) -> list[Deployment]:
        """Return the entries that held at any time from ``start`` until before ``end``: what ran on a day.

        Of all labels where ``label`` is None.
        """
        prompt = await any_prompt(self._store, name)
        return standing_between(await self._store.ledger(prompt.id, label, until=end), start, end)

    async def _state(self, prompt: Prompt, label: str) -> LabelState | None:
        return replay(await self._store.ledger(prompt.id, label)).get(label)

    async def _standing(self, name: PromptRef, label: str) -> tuple[Prompt, LabelState]:
        prompt = await active_prompt(self._store, name)
        return prompt, await self._state(prompt, label) or await nothing_deployed(self._store, name, label)

    async def _running(self, name: str, label: str, experiment_id: str) -> tuple[Prompt, LabelState, Experiment]:
        prompt, state = await self._standing(name, label)
        if experiment_id and (state.experiment is None or state.experiment.id != experiment_id):
            raise LedgerMoved(f"experiment {experiment_id} no longer runs under {label!r} of {name!r}")
        if state.experiment is None:
            raise PromptError(f"no experiment runs under {label!r} of {name!r}")
        return prompt, state, state.experiment


def _expect_last(state: LabelState | None, label: str, after: int | None) -> None:
    last = state.last.sequence if state else 0
    if after not in (None, last):
        raise LedgerMoved(f"somebody else deployed to {label!r} in the meantime: look, and try again")


def _experiment(versions: Sequence[PromptVersion], weights: Mapping[int, float], rules: ExperimentRules) -> Experiment:
    try:
        arms = tuple(
            Arm(name=f"v{one.number}", version_id=one.id, version_number=one.number, weight=weights[one.number])
            for one in versions
        )
        return Experiment(id=str(new_id()), arms=arms, **rules)
    except ValidationError as error:
        wrong = error.errors()[0]
        raise PromptError(f"no such experiment: {wrong['loc'][0]} {wrong['input']}: {wrong['msg']}") from None


def _target(name: str, state: LabelState, number: int | None) -> VersionRef:
    """What a rollback goes back to: the nearest earlier version, or the nearest of a number."""
    label = state.last.label
    if not state.earlier:
        raise PromptError(f"nothing stood under {label!r} of {name!r} before version {state.stands.number}")
    for version in reversed(state.earlier):
        if number in (None, version.number):
            return version
    numbers = ", ".join(str(number) for number in sorted({version.number for version in state.earlier}))
    raise PromptError(f"version {number} did not stand under {label!r} of {name!r}: deploy it, or go back to {numbers}")
