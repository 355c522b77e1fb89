"""Finding prompts and versions by what people write, and saying what there is where nothing is found."""

from difflib import get_close_matches
from typing import NoReturn
from uuid import UUID

from codetune_core.domain.prompt import Prompt, PromptVersion
from codetune_core.errors import PromptNotFound
from codetune_core.prompts.ledger import replay
from codetune_core.prompts.protocol import PromptRef, PromptStore


async def active_prompt(store: PromptStore, meant: PromptRef) -> Prompt:
    """Return the active prompt of a name or id; raises PromptNotFound, which names similar ones."""
    if isinstance(meant, UUID):
        prompt = await _of_id(store, meant)
        return prompt if prompt.is_active else _archived(prompt.name)
    return await store.find(meant) or await _no_prompt(store, meant)


async def any_prompt(store: PromptStore, meant: PromptRef) -> Prompt:
    """Return the prompt of an id; or the active one of a name, else the archived one that was made last.

    Raises PromptNotFound.
    """
    if isinstance(meant, UUID):
        return await _of_id(store, meant)
    return await store.find(meant) or await archived_prompt(store, meant) or await _no_prompt(store, meant)


async def archived_prompt(store: PromptStore, name: str) -> Prompt | None:
    """Return the archived prompt of a name, the one that was made last."""
    named = [prompt for prompt in await store.prompts(archived=True) if prompt.name == name]
    return max(named, key=lambda prompt: prompt.created_at, default=None)


async def version_of(store: PromptStore, prompt: Prompt, number: int) -> PromptVersion:
    """Return a version by number; raises PromptNotFound, which says what numbers there are."""
    if version := await store.version(prompt.id, number):
        return version
    newest = (await newest_version(store, prompt)).number
    raise PromptNotFound(f"{prompt.name!r} has no version {number}: it has versions 1 to {newest}")


async def newest_version(store: PromptStore, prompt: Prompt) -> PromptVersion:
    """Return the version with the highest number; raises PromptNotFound where the prompt was purged meanwhile."""
    if versions := await store.versions(prompt.id):
        return versions[0]
    raise PromptNotFound(f"{prompt.name!r} is no longer there: somebody purged it")


async def nothing_deployed(store: PromptStore, meant: PromptRef, label: str) -> NoReturn:
    """Raise PromptNotFound, saying what of a prompt is deployed where."""
    prompt = await active_prompt(store, meant)
    states = replay(await store.ledger(prompt.id))
    where = ", ".join(f"version {state.stands.number} to {other!r}" for other, state in sorted(states.items()))
    raise PromptNotFound(f"nothing of {prompt.name!r} is deployed to {label!r}; deployed is {where or 'nothing yet'}")


async def _of_id(store: PromptStore, prompt_id: UUID) -> Prompt:
    if prompt := await store.get(prompt_id):
        return prompt
    raise PromptNotFound(f"there is no prompt with the id {prompt_id}")


def _archived(name: str) -> NoReturn:
    raise PromptNotFound(f"{name!r} is archived: restore it first")


async def _no_prompt(store: PromptStore, name: str) -> NoReturn:
    if await archived_prompt(store, name):
        _archived(name)
    names = [prompt.name for prompt in await store.prompts()]
    similar = " or ".join(repr(close) for close in get_close_matches(name, names, n=3))
    raise PromptNotFound(f"there is no prompt {name!r}" + (f"; did you mean {similar}?" if similar else ""))
