"""Who answers is learnt from a real service, and looked for again where it could not be told yet."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from api_client import people
from serving import on_socket, running, settings_for

from codetune_core.daemon.own import own_identity
from codetune_core.domain.prompt import PromptDraft, Variable, Wording
from codetune_core.domain.service_key import Scope
from codetune_core.errors import NobodyAnswers
from codetune_remote.handlers import models
from codetune_server.prompted import catalogue as module
from codetune_server.prompted.catalogue import Catalogue
from codetune_server.status.board import Board
from codetune_server.status.loading import LoadWatch

CODE = Variable(name="code")


class Learning:
    """A catalogue beside the service that it learns from."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.learnt: list[str | None] = []
        """Who completes, after each look."""
        catalogue.listeners.append(lambda: self.learnt.append(catalogue.models.get("completion")))

    async def look(self) -> None:
        self.catalogue.refresh()
        await self.catalogue.settled()


@pytest.fixture
def remote():
    """The team's service, none here."""
    return {}


@pytest.fixture
async def service(sqlite_url, tmp_path, monkeypatch, remote):
    """A service of this machine, which the catalogue takes for the daemon."""
    settings = settings_for(tmp_path, sqlite_url, remote=remote)
    with tempfile.TemporaryDirectory(prefix="ctc") as folder:
        async with running(settings) as service, on_socket(service, Path(folder) / "d.sock"):

            async def ensure():
                return Path(folder) / "d.sock"

            ours = own_identity(settings)
            monkeypatch.setattr(module, "own_settings", lambda: type("Own", (), {"settings": settings}))
            monkeypatch.setattr(module, "why_without_daemon", lambda _: "")
            monkeypatch.setattr(module, "ensure", ensure)
            monkeypatch.setattr(module, "_runs", lambda _: False)
            monkeypatch.setattr(module, "running", lambda _: ours)
            monkeypatch.setattr(module, "_LOOK_SECONDS", 0.0)
            yield service


@pytest.fixture
async def learning(service):
    board = Board()
    loads = LoadWatch(board)
    catalogue = Catalogue(board, loads)
    yield Learning(catalogue)
    await catalogue.aclose()
    await loads.aclose()


async def test_who_could_not_say_in_time_is_asked_again_soon_without_anybody_asking(service, learning, monkeypatch):
    monkeypatch.setattr(module, "_SOON_SECONDS", 0.01)
    monkeypatch.setattr(models, "_ROLE_SECONDS", 0.05)
    known, answers = asyncio.Event(), service.core.engine.model

    async def slow(name, role):
        if role == "completion":
            await known.wait()
        return await answers(name, role)

    monkeypatch.setattr(service.core.engine, "model", slow)
    await learning.look()
    assert learning.learnt == [None]
    assert learning.catalogue.reviewer
    known.set()
    async with asyncio.timeout(30):
        while not learning.learnt[-1]:
            await asyncio.sleep(0.01)
    assert learning.learnt[-1] == learning.catalogue.reviewer


async def test_after_a_look_that_found_nobody_the_same_daemon_is_asked_again_when_it_has_rested(
    service, learning, monkeypatch
):
    monkeypatch.setattr(module, "_REST_SECONDS", 0.0)

    async def nobody(name, role):
        raise NobodyAnswers("no model is there")

    with monkeypatch.context() as patch:
        patch.setattr(service.core.engine, "model", nobody)
        await learning.look()
    assert learning.learnt == [None]
    await learning.look()
    assert learning.learnt[-1]


async def test_what_is_known_is_not_asked_for_again(learning):
    await learning.look()
    await learning.look()
    assert len(learning.learnt) == 1


class TestWithATeam:
    """The daemon passes prompts on to the service of the user's team."""

    @pytest.fixture
    async def team(self, tmp_path_factory, monkeypatch):
        """The service of a team that has changed one of the starter prompts, and added one."""
        folder = tmp_path_factory.mktemp("team")
        async with running(settings_for(folder, f"sqlite:///{folder / 'team.db'}")) as service:
            wording, library = Wording(user_prompt_template="{{ code }}", variables=(CODE,)), service.core.prompts
            await library.create(PromptDraft(name="theirs", tags=("editor:file",)), wording, by="ada")
            await library.edit("explain-code", wording, by="ada")
            await library.deploy("explain-code", 2, by="ada")
            async with people(service, ada=(Scope.READ,)) as known:
                monkeypatch.setenv("TEAM_KEY", next(iter(known["ada"].headers.values())))
                yield known["ada"].client

    @pytest.fixture
    def remote(self, team):
        return {"base_url": str(team._base_url).rstrip("/"), "key_env": "TEAM_KEY"}

    async def test_the_menu_has_the_prompts_and_the_versions_of_the_team(self, service, learning):
        own = PromptDraft(name="ours", tags=("editor:file",))
        await service.core.prompts.create(own, Wording(user_prompt_template="x"), by="bob")
        await learning.look()
        offered = {action.prompt: action for action in learning.catalogue.actions}
        assert "ours" not in offered
        assert (offered["theirs"].version, offered["theirs"].scope.where) == (1, "file")
        assert (offered["explain-code"].version, offered["explain-code"].variables) == (2, (CODE,))
        assert {action.model for action in offered.values()} == {""}
