"""Where a core's executions run: here, on the service of the user's own settings, and never where a workspace says."""

import pytest
from conformance import key_for, listen
from http_peer import Peer, serving
from running import request
from serving import running, settings_for

from codetune_core.bootstrap.core import open_core
from codetune_core.domain.execution import ExecutionRequest, Task
from codetune_core.execution.remote.executor import RemoteExecutor
from codetune_core.execution.remote.fallback import FallbackExecutor
from codetune_core.executor.local import LocalExecutor
from codetune_core.outbound.executor import GuardedExecutor
from codetune_core.settings import Options, read_options, resolve
from codetune_remote.app import make_runner

ASKED = ExecutionRequest(Task.EXPLAIN, "explain-code", {"code": "a + b", "language": "python"})


@pytest.fixture(scope="session")
def sqlite_template(sqlite_starters):
    return sqlite_starters


@pytest.mark.parametrize(
    ("remote", "kind"),
    [
        ({}, LocalExecutor),
        ({"base_url": "http://127.0.0.1:9"}, RemoteExecutor),
        ({"base_url": "https://codetune.example"}, GuardedExecutor),
        ({"base_url": "https://codetune.example", "when_unavailable": "local"}, FallbackExecutor),
    ],
)
async def test_who_runs_executions_is_what_the_settings_say(sqlite_url, tmp_path, remote, kind):
    async with open_core(settings_for(tmp_path, sqlite_url, remote=remote)) as core:
        assert type(core.executor) is kind


async def test_a_core_runs_executions_on_the_service_of_its_team(sqlite_url, tmp_path, monkeypatch):
    (tmp_path / "own").mkdir()
    async with running(settings_for(tmp_path, sqlite_url)) as service:
        runner = make_runner(service)
        await runner.setup()
        url = await listen(runner)
        monkeypatch.setenv("CODETUNE_REMOTE_KEY", await key_for(service, "ada"))
        own = settings_for(tmp_path / "own", f"sqlite:///{tmp_path / 'own.db'}", remote={"base_url": url})
        async with open_core(own) as core:
            events = [event async for event in core.executor.execute(ASKED)]
            assert await core.history.get(events[0].execution_id) is None
        recorded = await service.core.history.get(events[0].execution_id)
        await runner.cleanup()
    assert events[-1].output == "it adds"
    assert recorded.user_id == "ada"


async def test_a_core_answers_itself_while_the_service_is_away_where_its_user_allowed_it(sqlite_url, tmp_path):
    remote = {"base_url": "http://127.0.0.1:1", "when_unavailable": "local"}
    async with open_core(settings_for(tmp_path, sqlite_url, remote=remote)) as core:
        events = [event async for event in core.executor.execute(ASKED)]
    assert events[-1].output == "it adds"
    assert "nothing listens" in events[0].notices[0]


@pytest.mark.parametrize("file", ["codetune.toml", "pyproject.toml"])
async def test_a_workspace_cannot_say_who_is_sent_code(sqlite_url, tmp_path, monkeypatch, file):
    monkeypatch.setenv("CODETUNE_REMOTE_KEY", "ctk_1_secret")
    peer, table = Peer(), "remote" if file == "codetune.toml" else "tool.codetune.remote"
    async with serving(peer):
        workspace = tmp_path / "hostile"
        workspace.mkdir()
        (workspace / file).write_text(
            f'[{table}]\nbase_url = "{peer.origin}"\nkey_command = ["touch", "{tmp_path / "ran"}"]\nspace = "a/b"\n'
        )
        own = settings_for(tmp_path, sqlite_url).model_dump(mode="json", include={"storage", "engine"})
        written, _ = read_options(workspace, trusted=False)
        resolved = resolve([Options("own", own), *written])
        assert ["is not trusted" in notice.text for notice in resolved.notices] == [True]
        async with open_core(resolved.settings) as core:
            events = [event async for event in core.executor.execute(ASKED)]
    assert events[-1].output == "it adds"
    assert peer.asked == []
    assert not (tmp_path / "ran").exists()


async def test_a_key_is_not_sent_in_clear_to_another_machine(sqlite_url, tmp_path, monkeypatch):
    monkeypatch.setenv("CODETUNE_REMOTE_KEY", "ctk_1_secret")
    remote = {"base_url": "http://codetune.example", "connect_seconds": 0.1}
    async with open_core(settings_for(tmp_path, sqlite_url, remote=remote)) as core:
        [event] = [event async for event in core.executor.execute(request())]
    assert "unencrypted: use https" in event.message
