"""The core over both databases: what opening it sets up, keeps in order, and says."""

import datetime as dt
from dataclasses import replace

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from codetune_core.bootstrap.core import open_core
from codetune_core.domain.execution import Execution, ExecutionRequest, Task
from codetune_core.domain.identifiers import new_id
from codetune_core.errors import SettingsError
from codetune_core.execution.events import Finished, Started
from codetune_core.settings import Options, Settings, resolve

TABLES = ("alembic_version", "embedding_cache", "execution_history", "model_cache", "prompt_library")
NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def settings(database_url, tmp_path, monkeypatch) -> Settings:
    monkeypatch.delenv("CODETUNE_DATABASE_URL", raising=False)
    script = tmp_path / "answers.yaml"
    script.write_text("default: {answers: ['it adds']}\n")
    values = {"storage": {"database_url": database_url}, "engine": {"name": "scripted", "script": str(script)}}
    resolved = resolve([Options("test", values)])
    assert resolved.notices == ()
    return resolved.settings


def ask(**values) -> ExecutionRequest:
    return ExecutionRequest(Task.EXPLAIN, "explain-code", {"code": "a + b", "language": "python"}, **values)


async def test_a_fresh_database_answers_at_once_with_a_starter_prompt(settings):
    async with open_core(settings) as core:
        events = [event async for event in core.executor.execute(ask())]
        assert isinstance(events[0], Started)
        assert isinstance(events[-1], Finished)
        assert events[-1].output == "it adds"
        recorded = await core.history.get(events[0].execution_id)
        assert (recorded.success, recorded.output_data, recorded.prompt_id) == (
            True,
            "it adds",
            (await core.prompts.show("explain-code")).id,
        )


async def test_opening_again_installs_nothing_twice(settings):
    async with open_core(settings) as core:
        before = await core.prompts.list()
    async with open_core(settings) as core:
        assert await core.prompts.list() == before
        assert [len(await core.prompts.versions(prompt.name)) for prompt in before] == [1] * len(before)


async def test_opening_what_is_in_order_asks_each_thing_once_and_writes_nothing(settings):
    async with open_core(settings):
        pass
    asked = []

    def note(_connection, _cursor, statement, parameters, *_):
        asked.append((statement, repr(parameters)))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        async with open_core(settings):
            pass
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    statements = [statement for statement, _ in asked if statement != "BEGIN"]
    assert {statement.split()[0].upper() for statement in statements} <= {"SELECT", "PRAGMA", "SHOW"}
    about = [name for statement in statements for name in TABLES if f"FROM {name}" in statement]
    assert sorted(about) == [
        "alembic_version",
        "embedding_cache",  # what is too old
        "embedding_cache",  # how much there is
        "execution_history",
        "model_cache",  # what expired
        "model_cache",  # how much there is
        "prompt_library",
        "prompt_library",  # where an experiment runs
    ]


async def test_retention_runs_by_itself(settings):
    old = Execution(
        id=new_id(), executed_at=NOW - dt.timedelta(days=40), task=Task.ASK, success=True, output_data="old answer"
    )
    new = replace(old, id=new_id(), executed_at=NOW - dt.timedelta(days=1), output_data="new answer")
    async with open_core(settings) as core:
        for execution in (old, new):
            await core.history.end(execution)
    async with open_core(settings):
        pass
    async with open_core(settings) as core:
        assert (await core.history.get(old.id)).output_data is None
        assert (await core.history.get(new.id)).output_data == "new answer"


async def test_an_engine_that_does_not_exist_is_said_with_those_that_do(settings):
    wrong = settings.model_copy(update={"engine": settings.engine.model_copy(update={"name": "skripted"})})
    with pytest.raises(SettingsError, match="scripted"):
        async with open_core(wrong):
            pass


async def test_without_an_engine_the_library_works_and_an_execution_says_what_to_set(settings):
    none = settings.model_copy(update={"engine": Settings().engine})
    async with open_core(none) as core:
        assert len(await core.prompts.list()) >= 16
        events = [event async for event in core.executor.execute(ask())]
        assert events[-1].type == "failed"
        assert "codetune models pull" in events[-1].message
        assert "engine.base_url" in events[-1].message


async def test_what_makes_vectors_is_made_when_it_is_used_and_remembers_where_it_may(settings):
    engine = {"name": "openai", "base_url": "http://127.0.0.1:9/v1"}
    for history, kind in (({}, "CachedEmbedder"), ({"keep": "metadata"}, "GuardedEmbedder")):
        values = {**settings.model_dump(), "engine": engine, "history": history}
        async with open_core(Settings.model_validate(values)) as core:
            assert not {"embedder", "reranker"} & set(vars(core))
            assert type(core.embedder).__name__ == kind
            assert type(core.reranker).__name__ == "GuardedReranker"
