"""A prompt that is executed through the service, from the socket to the history."""

from uuid import UUID

import pytest
from serving import on_socket, on_tcp, running, settings_for

from codetune_core.execution.events import EVENT, Finished, Started
from codetune_core.execution.headers import EXECUTION_HEADER
from codetune_core.execution.wire import ExecuteBody

BODY = {"task": "explain", "prompt": "explain-code", "variables": {"code": "a + b", "language": "python"}}


@pytest.fixture
def settings(sqlite_url, tmp_path):
    return settings_for(tmp_path, sqlite_url)


async def test_the_owner_of_the_socket_runs_a_prompt_and_finds_it_in_the_history(settings, tmp_path):
    async with running(settings) as service, on_socket(service, tmp_path / "s") as client:
        async with client.post("/api/execute", json=ExecuteBody.model_validate(BODY).model_dump(mode="json")) as answer:
            text = await answer.text()
        events = [EVENT.validate_json(line.removeprefix("data: ")) for line in text.split("\n") if line[:5] == "data:"]
        assert isinstance(events[0], Started)
        assert isinstance(events[-1], Finished)
        assert events[-1].output == "it adds"
        assert answer.headers[EXECUTION_HEADER] == str(events[0].execution_id)
        recorded = await service.core.history.get(UUID(answer.headers[EXECUTION_HEADER]))
        assert recorded.output_data == "it adds"


async def test_who_comes_over_tcp_without_a_key_runs_nothing(settings):
    async with running(settings) as service, on_tcp(service) as client:
        async with client.post("/api/execute", json=BODY) as answer:
            assert answer.status == 401
            assert answer.content_type == "application/problem+json"
        async with client.get("/healthz") as answer:
            assert (await answer.json()) == {"status": "alive"}
