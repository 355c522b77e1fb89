"""Prompts that are meant by their ids: archived ones beside others of their name, and ids that nobody has."""

import pytest

from codetune_core.domain.identifiers import new_id
from codetune_core.domain.prompt import PromptDraft, Wording
from codetune_core.errors import LedgerMoved, PromptChanged, PromptError, PromptNotFound
from codetune_core.prompts.library import PromptLibrary
from codetune_core.storage.prompt_store import SqlPromptStore


@pytest.fixture
def library(database):
    return PromptLibrary(SqlPromptStore(database))


async def add(library, name="review"):
    prompt, _ = await library.create(PromptDraft(name=name), Wording(user_prompt_template="a"), by="ada")
    return prompt


async def test_an_archived_prompt_is_read_by_its_id_and_changed_by_nothing(library):
    old = await add(library)
    await library.archive(old.id)
    new = await add(library)
    assert (await library.show("review")).id == new.id
    assert (await library.show(old.id)).id == old.id
    assert len(await library.versions(old.id)) == len(await library.ledger(old.id)) == 1
    for change in (
        library.edit(old.id, Wording(user_prompt_template="b"), by="ada"),
        library.deploy(old.id, 1, by="ada"),
        library.rollback(old.id, by="ada"),
        library.describe(old.id, PromptDraft(name="other")),
        library.archive(old.id),
        library.delete(old.id),
    ):
        with pytest.raises(PromptNotFound, match="'review' is archived"):
            await change


async def test_an_id_that_nobody_has_is_said(library):
    with pytest.raises(PromptNotFound, match="no prompt with the id"):
        await library.show(new_id())


async def test_messages_name_the_prompt_whose_id_was_given(library):
    prompt = await add(library)
    with pytest.raises(PromptNotFound, match="'review' has no version 7"):
        await library.version(prompt.id, 7)
    with pytest.raises(PromptNotFound, match="nothing of 'review' is deployed to 'staging'"):
        await library.rollback(prompt.id, label="staging", by="ada")
    with pytest.raises(PromptError, match="nothing stood under 'production' of 'review'"):
        await library.rollback(prompt.id, by="ada")


async def test_what_somebody_saw_must_still_be_so(library):
    prompt = await add(library)
    seen = prompt.draft.revision
    changed = await library.describe(prompt.id, PromptDraft(name="review", description="new"), seen=seen)
    with pytest.raises(PromptChanged):
        await library.describe(prompt.id, PromptDraft(name="review"), seen=seen)
    assert (await library.show(prompt.id)).draft == changed.draft
    (entry,) = await library.ledger(prompt.id)
    for act in (library.deploy(prompt.id, 1, by="ada", after=0), library.rollback(prompt.id, by="ada", after=0)):
        with pytest.raises(LedgerMoved):
            await act
    assert await library.deploy(prompt.id, 1, by="ada", after=entry.sequence) == entry
