"""What editors offer, in one answer: of this library, or of the team's where that one runs prompts."""

from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from api_client import Api, people
from query_plans import plans
from serving import on_socket, running
from sqlalchemy import update

from codetune_core.domain.editor_scope import editor_scope
from codetune_core.domain.prompt import Decoding, PromptDraft, Variable, VariableType, Wording
from codetune_core.domain.service_key import Scope
from codetune_core.prompts import library
from codetune_core.sections import StorageSettings
from codetune_core.service_sections import RemoteSettings
from codetune_core.storage.tables.prompts import PromptRow
from codetune_remote import app
from codetune_remote.routes import ROUTES

OFFERED = "GET /api/editor/prompts"


def saying(what, **fields):
    return Wording(user_prompt_template=f"say {what}", **fields)


async def add(service, name, *tags, texts=("a",), **fields):
    """A prompt with a version for each text, the first of them in production."""
    draft = PromptDraft(name=name, tags=tags, **fields)
    prompt, _ = await service.core.prompts.create(draft, saying(texts[0]), by="ada")
    for text in texts[1:]:
        await service.core.prompts.edit(prompt.id, saying(text), by="ada")
    return prompt


async def names(api):
    return [prompt["name"] for prompt in (await api.check(OFFERED))["prompts"]]


@pytest.fixture
async def starters(admin):
    return await names(admin)


async def test_the_starter_prompts_with_a_tag_for_editors_are_offered_by_name(admin, service, starters):
    tagged = [prompt.name for prompt in await service.core.prompts.list() if editor_scope(prompt.draft.tags)]
    assert starters == tagged
    assert "explain-code" in starters


async def test_all_that_a_menu_needs_is_told_of_the_version_in_production(admin, service):
    variables = (Variable(name="code"), Variable(name="depth", type=VariableType.INTEGER, default=2))
    wording = saying("{{ code }}{{ depth }}", variables=variables, decoding=Decoding(output_schema="code"))
    draft = PromptDraft(name="mine", description="says", use_case="generate", tags=("editor:cursor", "shows:insert"))
    library = service.core.prompts
    await library.create(draft, saying("nothing"), by="ada")
    await library.edit("mine", wording, by="ada")
    await library.edit("mine", saying("more"), by="ada")
    await library.deploy("mine", 2, by="ada")
    [told] = [prompt for prompt in (await admin.check(OFFERED))["prompts"] if prompt["name"] == "mine"]
    assert (told["version"], told["output_schema"]) == (2, "code")
    assert [(each["name"], each["required"], each["default"]) for each in told["variables"]] == [
        ("code", True, None),
        ("depth", False, 2),
    ]
    said = {"name": "mine", "description": "says", "use_case": "generate", "tags": ["editor:cursor", "shows:insert"]}
    assert told.items() >= said.items()


async def test_what_no_editor_offers_is_left_out(admin, service, starters):
    await add(service, "untagged", "ci")
    await add(service, "hidden", "editor:none")
    await add(service, "archived", "editor:file")
    await service.core.prompts.archive("archived")
    draft = PromptDraft(name="undeployed", tags=("editor:file",))
    await service.core.prompts.create(draft, saying("a"), by="ada", deploy=False)
    await add(service, "confused", "editor:file")
    async with service.core.database.write() as session:  # as before tags were checked
        both = ["editor:file", "editor:cursor"]
        await session.execute(update(PromptRow).where(PromptRow.name == "confused").values(tags=both))
    assert await names(admin) == starters
    await add(service, "zzz", "ci", "editor:file")
    assert await names(admin) == [*starters, "zzz"]


async def test_a_menu_has_an_end(admin, starters, monkeypatch):
    monkeypatch.setattr(library, "MOST_OFFERED", 2)
    assert await names(admin) == starters[:2]


async def test_it_is_asked_of_the_database_in_one_query(admin, service):
    found = await plans(service.core.database, lambda: admin.check(OFFERED))
    assert len([statement for statement, _ in found if "FROM prompt_" in statement]) == 1


async def test_who_may_read_is_told(service):
    async with people(service, ada=(Scope.READ,), robot=(Scope.EXECUTE, Scope.PROMPTS_WRITE)) as known:
        assert "explain-code" in await names(known["ada"])
        await known["robot"].check(OFFERED, 403)
        await known["ada"].check(OFFERED, 422, limit=5)


@asynccontextmanager
async def near(settings, tmp_path, monkeypatch, address, key):
    """A user's own service, with a prompt of its own, which has the one at an address run prompts."""
    monkeypatch.setenv("TEAM_KEY", key)
    remote = RemoteSettings.model_validate({"base_url": address, "key_env": "TEAM_KEY"})
    storage = StorageSettings(database_url=f"sqlite:///{tmp_path / 'near.db'}")
    async with running(settings.model_copy(update={"remote": remote, "storage": storage})) as other:
        await add(other, "ours", "editor:file")
        yield other


@pytest.fixture
def daemon(settings, service, tmp_path, monkeypatch):
    """The owner's way to their daemon, whose team has a service with these routes, and gave them a key of a scope."""

    @asynccontextmanager
    async def opened(scope=Scope.READ, routes=ROUTES):
        async with AsyncExitStack() as stack:
            with monkeypatch.context() as patch:
                patch.setattr(app, "ROUTES", routes)
                team = (await stack.enter_async_context(people(service, ada=(scope,))))["ada"]
            address, key = str(team.client._base_url).rstrip("/"), next(iter(team.headers.values()))
            other = await stack.enter_async_context(near(settings, tmp_path, monkeypatch, address, key))
            yield Api(await stack.enter_async_context(on_socket(other, tmp_path / "near"))), other

    return opened


async def test_the_owner_of_the_socket_is_told_what_their_team_offers_which_runs_it(service, daemon):
    await add(service, "theirs", "editor:file", texts=("a", "b"))
    await service.core.prompts.deploy("theirs", 2, by="ada")
    async with daemon() as (owner, other):
        told = {prompt["name"]: prompt["version"] for prompt in (await owner.check(OFFERED))["prompts"]}
        assert told["theirs"] == 2
        assert "ours" not in told
        async with people(other, bob=(Scope.READ,)) as others:
            assert "ours" in await names(others["bob"])


async def test_a_key_that_may_not_read_leaves_the_own_library(daemon):
    async with daemon(Scope.EXECUTE) as (owner, _):
        assert "ours" in await names(owner)


async def test_a_service_older_than_this_question_leaves_the_own_library(service, daemon):
    await add(service, "theirs", "editor:file")
    older = tuple(route for route in ROUTES if route.path != "/api/editor/prompts")
    async with daemon(routes=older) as (owner, _):
        told = await names(owner)
    assert "ours" in told
    assert "theirs" not in told


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "http://team.example"])
async def test_a_service_that_cannot_be_asked_leaves_the_own_library(settings, tmp_path, monkeypatch, address):
    async with near(settings, tmp_path, monkeypatch, address, "k") as other, on_socket(other, tmp_path / "n") as client:
        assert "ours" in await names(Api(client))
