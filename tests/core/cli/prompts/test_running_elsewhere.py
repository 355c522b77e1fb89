"""``codetune prompts run`` where the service of the team runs prompts: its library says what they want to be given."""

import asyncio
import json

import pytest
from elsewhere import service_elsewhere

from codetune_core.bootstrap.core import open_core
from codetune_core.domain.prompt import Category, PromptDraft, Variable, VariableType, Wording
from codetune_core.domain.service_key import Scope
from codetune_core.settings import Settings
from codetune_core.storage.url import VARIABLE

DEPTH = Variable(name="depth", type=VariableType.INTEGER)


@pytest.fixture(scope="session")
def sqlite_template(sqlite_starters):
    return sqlite_starters


@pytest.fixture
def configured(library, monkeypatch):
    """Write the user's own settings: the service, its key, and the name of the database beside it."""
    monkeypatch.delenv(VARIABLE)
    own = library.parent / "home" / "codetune" / "codetune.toml"
    own.parent.mkdir(parents=True, exist_ok=True)

    def write(address, key="", name="here.db"):
        monkeypatch.setenv("CODETUNE_REMOTE_KEY", key)
        database = f"sqlite:///{library.parent / name}"
        own.write_text(
            f'[daemon]\nenabled = false\n[storage]\ndatabase_url = "{database}"\n[remote]\nbase_url = "{address}"\n'
        )

    return write


@pytest.fixture
def counting(sqlite_url):
    """A prompt that only the library of the service has, and that wants a whole number."""

    async def add():
        async with open_core(Settings.model_validate({"storage": {"database_url": sqlite_url}})) as core:
            wording = Wording(user_prompt_template="Count to {{ depth }}.", variables=(DEPTH,))
            await core.prompts.create(PromptDraft(name="counting", category=Category.EXPLANATION), wording, by="ada")

    asyncio.run(add())
    return "counting"


def test_a_prompt_of_the_service_gets_values_of_the_types_that_it_declares_there(
    check, counting, configured, sqlite_url, tmp_path
):
    asked = ("run", counting, "--var", "depth=7", "--format", "json")
    people = {"ada": (Scope.READ, Scope.EXECUTE), "robot": (Scope.EXECUTE,)}
    with service_elsewhere(tmp_path / "there", sqlite_url, **people) as (address, keys):
        configured(address, keys["ada"])
        told = json.loads(check(*asked))
        assert (told["prompt"], told["output"]) == (counting, "it adds")
        configured(address, keys["robot"])  # who may not see what a prompt wants sends texts
        check(*asked, code=1, says="must be an integer")


def test_an_engine_that_is_named_answers_here_whatever_service_there_is(check, mine, configured):
    configured("http://127.0.0.1:9", name="codetune.db")
    told = check("run", mine, "--var", "code=1", "--engine", "scripted", "--script", "answers.yaml", "--format", "json")
    assert json.loads(told)["output"] == "It adds two numbers."
