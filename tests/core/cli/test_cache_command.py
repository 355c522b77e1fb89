"""``codetune cache``: what is remembered, for people and for scripts."""

import asyncio
import json
import shutil

import pytest
from running import opened, request, running, wording

from codetune_core.bootstrap.core import open_core
from codetune_core.domain.identifiers import new_id
from codetune_core.domain.prompt import PromptDraft
from codetune_core.settings import Settings
from codetune_core.storage.url import VARIABLE


@pytest.fixture(scope="session")
def template(sqlite_starters, tmp_path_factory):
    """A database as the first command leaves it."""
    path = shutil.copy(sqlite_starters, tmp_path_factory.mktemp("cache") / "codetune.db")

    async def open_once():
        async with open_core(Settings.model_validate({"storage": {"database_url": f"sqlite:///{path}"}})) as core:
            await core.prompts.create(PromptDraft(name="explain"), wording(), by="ada")

    asyncio.run(open_once())
    return path


@pytest.fixture
def sqlite_url(template, tmp_path):
    return f"sqlite:///{shutil.copy(template, tmp_path / 'codetune.db')}"


@pytest.fixture
def check(sqlite_url, run, monkeypatch):
    """Run ``codetune cache`` over a fresh database; check how it ends and what it says; return what it printed."""
    monkeypatch.setenv(VARIABLE, sqlite_url)

    def run_and_check(*arguments, code=0, says=""):
        result = run("cache", *arguments)
        assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
        assert says in result.output, result.output
        return result.stdout

    return run_and_check


@pytest.fixture
def executed(sqlite_url):
    """Run requests; return the ids of their executions."""

    def execute(*asked):
        async def work():
            async with opened(sqlite_url) as database, running(database) as core:
                return [(await core.run(each))[0].execution_id for each in asked]

        return asyncio.run(work())

    return execute


def test_it_says_how_much_is_remembered_and_how_often_it_was_used(check, executed):
    executed(request(), request(), request("x = 2"))
    assert check("stats", says="2 answers, 0.00 of 256 MB, used once\nthe oldest is of 20")
    content = json.loads(check("stats", "--format", "json"))
    assert {**content, "oldest": ""} == {"entries": 2, "bytes": 48, "hits": 1, "oldest": ""}


def test_an_empty_cache_says_so(check):
    check("stats", says="0 answers, 0.00 of 256 MB, used 0 times")
    assert json.loads(check("stats", "--format", "json"))["oldest"] is None


def test_all_is_forgotten_or_what_one_model_said(check, executed):
    executed(request(), request("x = 2"))
    assert json.loads(check("clear", "--model", "other", "--format", "json")) == {"dropped": 0}
    check("clear", "--model", "tiny", says="2 answers forgotten")
    check("stats", says="0 answers")


def test_it_says_why_two_executions_did_not_share_an_answer(check, executed):
    one, other = executed(request(), request(tenant="b"))
    assert check("explain", one, other) == "not shared\n  the tenant is not the same\n"
    assert json.loads(check("explain", one, other, "--format", "json")) == {
        "shared": False,
        "reasons": ["the tenant is not the same"],
        "differences": [{"part": "the tenant", "first": None, "second": None}],
    }


def test_it_says_that_two_executions_shared_an_answer(check, executed):
    one, other = executed(request(), request())
    check("explain", one, other, says="shared\n  both asked the same, and the later was answered from the cache\n")


def test_it_says_that_an_answer_was_cleared(check, executed):
    [one] = executed(request())
    check("clear")
    [other] = executed(request())
    check("explain", one, other, says="evicted to make room, cleared")


def test_an_execution_that_is_not_there_is_said(check):
    unknown = new_id()
    check("explain", unknown, unknown, code=2, says=f"nothing is kept of an execution {unknown}")


def test_what_is_no_id_is_a_mistake_on_the_command_line(check):
    check("explain", "one", "other", code=2, says="'one' is not a valid UUID")


def test_help_shows_how(check):
    check("--help", says="codetune cache explain ONE OTHER")
