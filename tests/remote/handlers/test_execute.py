"""Executions over real connections: what is run, in which form it comes, and what is refused before it begins."""

import json
from uuid import UUID, uuid4

import pytest
from serving import on_socket, running, settings_for
from streams import BODY, SCRIPT, WORDS, body, engine_of, quiet, sse, stream

from codetune_core.domain.execution import Task
from codetune_core.domain.prompt import PromptDraft
from codetune_core.execution.headers import EXECUTION_HEADER
from codetune_core.prompts.files import read_prompt
from codetune_core.prompts.starter import shipped_files
from codetune_remote.handlers.execute import STARTERS

TYPES = ["started", *["token"] * 6, "usage", "finished"]


@pytest.fixture
async def service(sqlite_url, tmp_path):
    async with running(settings_for(tmp_path, sqlite_url, SCRIPT)) as service:
        yield service
        await quiet(service)


@pytest.fixture
async def client(service, tmp_path):
    async with on_socket(service, tmp_path / "s") as client:
        yield client


def merged(types):
    """Types of events, with tokens that follow each other as one: how they are cut does not matter."""
    return [kind for position, kind in enumerate(types) if kind != "token" or types[position - 1] != "token"]


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, "text/event-stream"),
        ("*/*", "text/event-stream"),
        ("text/*", "text/event-stream"),
        ("text/event-stream", "text/event-stream"),
        ("application/x-ndjson", "application/x-ndjson"),
        ("application/*", "application/x-ndjson"),
        ("application/json, text/event-stream", "text/event-stream"),
        ("application/json", "application/json"),
        ("text/html, application/json;q=0.9, */*;q=0.1", "application/json"),
        ("text/event-stream;q=0, */*", "application/x-ndjson"),
    ],
)
async def test_the_client_chooses_the_form(client, accept, content_type):
    headers = {} if accept is None else {"Accept": accept}
    skipped = ["Accept"] if accept is None else []
    async with client.post("/api/execute", json=BODY, headers=headers, skip_auto_headers=skipped) as answer:
        assert answer.status == 200
        assert answer.content_type == content_type
        assert UUID(answer.headers[EXECUTION_HEADER])
        assert answer.headers["Cache-Control"] == "no-store"
        assert WORDS in (await answer.text())


@pytest.mark.parametrize("accept", ["text/html", "image/png, application/pdf", "*/*;q=0", "text/event-stream;q=none"])
async def test_a_form_that_is_not_offered_is_refused_before_anything_runs(client, service, accept):
    async with client.post("/api/execute", json=BODY, headers={"Accept": accept}) as answer:
        assert answer.status == 406
        assert answer.content_type == "application/problem+json"
    assert engine_of(service).started == 0


async def test_server_sent_events_are_numbered_from_one(client):
    async with client.post("/api/execute", json=BODY) as answer:
        frames = sse(await answer.text())
    assert merged(frames.types) == merged(TYPES)
    assert frames.numbers == list(range(1, len(frames.events) + 1))
    assert frames.text == frames.events[-1]["output"] == WORDS


@pytest.fixture
async def exact(service):
    """The name of a prompt whose answers are remembered."""
    prompts = service.core.prompts
    wording = (await prompts.version("explain-code", 1)).wording.model_copy(update={"temperature": 0})
    await prompts.create(PromptDraft(name="exact"), wording, by="ada")
    return "exact"


async def test_what_is_answered_from_the_cache_goes_out_in_one_piece_and_says_the_same(client, exact):
    said = []
    for _ in range(2):
        async with client.post("/api/execute", json=body(prompt=exact)) as answer:
            said.append((sse(await answer.text()), answer.headers.get("Content-Length")))
    (generated, _), (remembered, length) = said
    assert length is not None
    assert remembered.types == ["started", "from_cache", "token", "usage", "finished"]
    assert remembered.text == remembered.events[-1]["output"] == generated.text
    assert remembered.numbers == [1, 2, 3, 4, 5]


async def test_lines_of_json_say_the_same(client):
    async with stream(client) as asked:
        frames = await asked.rest()
    assert merged(frames.types) == merged(TYPES)
    assert frames.numbers == list(range(1, len(frames.events) + 1))
    assert frames.text == WORDS


async def test_one_json_object_holds_the_answer(client, exact):
    found = []
    for _ in range(2):
        async with client.post(
            "/api/execute", json=body(prompt=exact), headers={"Accept": "application/json"}
        ) as answer:
            found.append(await answer.json())
            assert found[-1].pop("execution_id") == answer.headers[EXECUTION_HEADER]
        assert found[-1].pop("execution_time_ms") > 0
    first, second = found
    assert first == {**second, "from_cache": False}
    assert second["from_cache"]
    assert (first["prompt"], first["version"], first["model"]) == ("exact", 1, "scripted")
    assert (first["output"], first["finish_reason"], first["completion_tokens"]) == (WORDS, "stop", 6)


@pytest.mark.parametrize(("name", "task"), [(name, task) for task, name in STARTERS.items()])
def test_every_task_has_a_prompt_that_ships_with_codetune(name, task):
    file = read_prompt(shipped_files()[f"{name}.prompt.md"], name)
    assert file.draft.use_case == task


def test_no_task_is_without_one():
    assert set(STARTERS) == set(Task)


async def test_without_a_prompt_the_task_decides(client):
    sent = {name: value for name, value in BODY.items() if name != "prompt"}
    async with client.post("/api/execute", json=sent) as answer:
        assert sse(await answer.text()).events[0]["prompt"] == "explain-code"


@pytest.mark.parametrize("task", [None, "ask"])
@pytest.mark.parametrize("by", ["name", "id"])
async def test_the_prompt_of_the_path_runs(client, service, by, task):
    prompt = await service.core.prompts.show("explain-code")
    sent = {"variables": BODY["variables"], **({"task": task} if task else {}), "prompt": "another one"}
    path = f"/api/prompts/{prompt.id if by == 'id' else prompt.name}/execute"
    async with stream(client, path, task=sent.get("task")) as asked:
        frames = await asked.rest()
    assert frames.events[0]["prompt"] == "explain-code"
    assert (await service.core.history.get(asked.id)).task == (task or "explain")


async def test_who_does_not_say_a_task_for_a_prompt_without_one_is_told_the_tasks(client, service):
    await service.core.prompts.clone("explain-code", "mine", by="ada")
    prompt = await service.core.prompts.show("mine")
    await service.core.prompts.describe("mine", prompt.draft.model_copy(update={"use_case": "gardening"}))
    async with client.post("/api/prompts/mine/execute", json={"variables": {}}) as answer:
        assert answer.status == 422
        assert "review, explain" in (await answer.json())["detail"]


@pytest.mark.parametrize("named", ["nothing-of-that-name", "01890a5d-ac96-774b-bcce-b302099a8057"])
async def test_a_path_to_no_prompt_is_not_found(client, named):
    async with client.post(f"/api/prompts/{named}/execute", json={"variables": {}}) as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"prompt": "nothing-of-that-name"}, "invalid_input"),
        ({"variables": {"code": 7}}, "invalid_input"),
        ({"model": "no-such-model"}, "refused"),
        ({"version": 99}, "invalid_input"),
    ],
)
async def test_what_fails_before_anything_is_generated_is_the_last_event(client, changes, kind):
    async with stream(client, **changes) as asked:
        frames = await asked.rest()
    assert frames.types[-1] == "failed"
    assert frames.events[-1]["kind"] == kind


@pytest.mark.parametrize(
    ("script", "status", "kind"),
    [
        ("timeout", 504, "timeout"),
        ("overloaded", 503, "overloaded"),
        ("engine_lost", 502, "engine_lost"),
        ("refused", 422, "refused"),
        ("internal", 500, None),
    ],
)
async def test_a_failure_is_an_event_to_who_streams_and_a_problem_to_who_wants_json(
    sqlite_url, tmp_path, script, status, kind
):
    said = f"default: {{answers: ['{WORDS}'], fault: {{kind: {script}, after_tokens: 2}}}}\n"
    async with (
        running(settings_for(tmp_path, sqlite_url, said)) as service,
        on_socket(service, tmp_path / "s") as client,
    ):
        async with stream(client) as asked:
            frames = await asked.rest()
        assert frames.types[-1] == "failed"
        assert frames.events[-1]["kind"] == script
        async with client.post("/api/execute", json=BODY, headers={"Accept": "application/json"}) as answer:
            problem = await answer.json()
            assert (answer.status, problem.get("kind")) == (status, kind)
            assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize(
    ("headers", "status"),
    [({EXECUTION_HEADER: "seven"}, 422), ({"Last-Event-ID": "-1"}, 422), ({"Last-Event-ID": "1e3"}, 422)],
)
async def test_headers_that_make_no_sense_are_refused(client, service, headers, status):
    async with client.post("/api/execute", json=BODY, headers=headers) as answer:
        assert answer.status == status
    assert engine_of(service).started == 0


async def test_the_client_chooses_the_id_and_finds_the_execution_under_it(client, service):
    chosen = uuid4()
    async with stream(client, headers={EXECUTION_HEADER: str(chosen)}) as asked:
        frames = await asked.rest()
    assert asked.id == chosen
    assert frames.events[0]["execution_id"] == str(chosen)
    assert (await service.core.history.get(chosen)).output_data == WORDS


async def test_priority_workspace_and_user_reach_the_executor(client, service):
    asked = body(priority=2, workspace="/home/ada/shop", session_id="window 1")
    async with client.post("/api/execute", json=asked) as answer:
        await answer.read()
    recorded = await service.core.history.get(UUID(answer.headers[EXECUTION_HEADER]))
    assert (recorded.workspace, recorded.session_id) == ("/home/ada/shop", "window 1")
    assert recorded.user_id
    assert engine_of(service).asked[-1].priority == 2


async def test_the_answer_is_recorded_when_the_stream_ends(client, service):
    async with client.post("/api/execute", json=BODY) as answer:
        last = json.loads((await answer.text()).strip().rpartition("data: ")[2])
    recorded = await service.core.history.get(UUID(answer.headers[EXECUTION_HEADER]))
    assert recorded.success
    assert recorded.output_data == last["output"]
