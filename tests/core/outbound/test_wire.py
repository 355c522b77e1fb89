"""The proof: what is on the wire is what the ledger says, and no secret is on it, whatever is asked of whom."""

import json
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web
from canaries import CANARIES, CODE, KEY, traces
from conformance import key_for, served, to_tcp
from http_peer import Peer, blocks, frame, serving, told
from openai_server import DONE, delta
from running import CODE as CODE_VARIABLE
from running import SQLITE, running
from wire import HOST, wire

from codetune_core.access.wire import KeyBody
from codetune_core.bootstrap.core import open_core
from codetune_core.cli.key_places import opened
from codetune_core.domain.execution import ExecutionRequest, Message, ModelIdentity, Priority, Task, Usage
from codetune_core.domain.prompt import Decoding, PromptDraft, Variable, VariableType, Wording
from codetune_core.domain.service_key import Scope
from codetune_core.engines.protocol import Chunk, Done, Generation, Infill
from codetune_core.errors import OutboundRefused
from codetune_core.execution.events import Failed, Finished, Token
from codetune_core.outbound.executor import GuardedExecutor
from codetune_core.outbound.gate import Gate
from codetune_core.outbound.placeholders import PLACEHOLDER
from codetune_core.prompts.wire import Choosing
from codetune_core.service_sections import OutboundSettings
from codetune_core.settings import Settings

MODEL = ModelIdentity("coder", "openai", 1_000_000)


def pieces(text: str, length: int = 7) -> list[str]:
    return [text[at : at + length] for at in range(0, len(text), length)]


def _said(body: dict) -> str:
    """All that a model was asked, which it repeats."""
    return "".join(str(message["content"]) for message in body["messages"])


async def openai_chat(request, body):
    return await blocks(*map(delta, pieces(_said(body))), delta(finish="stop"), DONE)(request, body)


async def openai_completion(request, body):
    frames = [
        frame({"choices": [{"index": 0, "text": text, "finish_reason": None}]}) for text in pieces(body["prompt"])
    ]
    return await blocks(*frames, frame({"choices": [{"text": "", "finish_reason": "stop"}]}), DONE)(request, body)


async def anthropic_messages(request, body):
    text = "".join(block["text"] for block in body["system"]) if isinstance(body.get("system"), list) else ""
    for message in body["messages"]:
        said = message["content"]
        text += said if isinstance(said, str) else "".join(block["text"] for block in said)

    def event(kind, **content):
        return frame({"type": kind, **content}, kind)

    deltas = [
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece}) for piece in pieces(text)
    ]
    return await blocks(
        event("message_start", message={"usage": {"input_tokens": 1, "output_tokens": 1}}),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        *deltas,
        event("content_block_stop", index=0),
        event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 1}),
        event("message_stop"),
    )(request, body)


async def embeddings(request, body):
    texts = body["input"]
    data = [{"index": at, "embedding": [1.0, float(len(text))]} for at, text in enumerate(texts)]
    return await told({"data": data})(request, body)


async def reranked(request, body):
    results = [{"index": at, "relevance_score": float(at)} for at, _ in enumerate(body["documents"])]
    return await told({"results": results})(request, body)


def peer() -> Peer:
    """A server that repeats what it is asked, in each engine's interface."""
    models = {"data": [{"id": "coder", "type": "model", "max_model_len": 1_000_000}], "has_more": False}
    return Peer(
        {
            "/v1/models": told(models),
            "/v1/chat/completions": openai_chat,
            "/v1/completions": openai_completion,
            "/v1/messages": anthropic_messages,
            "/v1/embeddings": embeddings,
            "/v1/rerank": reranked,
        }
    )


@pytest.fixture(scope="session")
def sqlite_template(sqlite_starters):
    return sqlite_starters


@pytest.fixture(autouse=True)
def key(monkeypatch, tmp_path):
    monkeypatch.setenv("MODELS_KEY", "hf_thekeyisnosecrethere")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@asynccontextmanager
async def remote(sqlite_url, tmp_path, engine: str = "openai", **outbound):
    """A core whose engine is on another machine; with the wire that leads there."""
    async with serving(peer()) as upstream, wire(int(upstream.origin.rpartition(":")[2]), tmp_path) as line:
        asked = {"name": engine, "model": "coder", "base_url": f"https://{HOST}/v1", "key_env": "MODELS_KEY"}
        settings = Settings.model_validate(
            {
                "storage": {"database_url": sqlite_url},
                "engine": {**asked, **line.settings},
                "outbound": outbound,
            }
        )
        async with open_core(settings) as core:
            yield core, line


def check(gate: Gate, line, secrets=tuple(CANARIES)) -> list:
    """The ledger says what was sent, body by body, and no secret is among all the bytes; returns what was sent."""
    entries = list(gate.ledger.newest())
    assert sorted((e.method, e.path, e.bytes, e.sha256) for e in entries) == sorted(r.told for r in line.requests)
    assert {entry.destination for entry in entries} == {f"https://{HOST}"}
    assert all(entry.outcome in {"200", "201"} for entry in entries if entry.bytes), [
        entry.outcome for entry in entries
    ]
    wire_bytes = line.bytes
    assert [secret for secret in secrets for trace in traces(secret) if trace in wire_bytes] == []
    return [request for request in line.requests if request.body]


async def executed(executor, **changes) -> tuple[str, Finished]:
    request = ExecutionRequest(
        **{
            "task": Task.EXPLAIN,
            "prompt": "explain-code",
            "variables": {"code": CODE, "language": "python"},
            **changes,
        }
    )
    async with aclosing(executor.execute(request)) as events:
        every = [event async for event in events]
    assert isinstance(every[-1], Finished), every[-1]
    return "".join(event.text for event in every if isinstance(event, Token)), every[-1]


@pytest.mark.parametrize("engine", ["openai", "anthropic", "huggingface"])
async def test_what_an_engine_elsewhere_gets_has_placeholders_and_what_its_user_gets_has_none(
    sqlite_url, tmp_path, engine
):
    async with remote(sqlite_url, tmp_path, engine) as (core, line):
        text, finished = await executed(core.executor)
        sent = check(core.gate, line)
        [entry] = [entry for entry in core.gate.ledger.newest() if entry.bytes]
    assert text == finished.output
    assert [secret for secret in CANARIES if secret not in text] == []
    assert not PLACEHOLDER.search(text)
    assert len(sent) == 1
    assert len(set(PLACEHOLDER.findall(sent[0].body.decode()))) == len(CANARIES)
    assert (entry.purpose, entry.prompt) == ("explain", "explain-code")
    assert sum(entry.replaced.values()) == len(CANARIES)
    assert entry.replaced["private-key"] == 3


@SQLITE
async def test_a_service_elsewhere_gets_placeholders_at_any_depth_and_neither_paths_nor_whose_session(
    database, tmp_path, monkeypatch
):
    nested = {"code": CODE, "notes": [f"see {KEY}", "and the rest"]}
    notes = Variable(name="notes", type=VariableType.LIST)
    template = "{{ code }}{% for note in notes %}{{ note }}{% endfor %}"
    prompt = {"variables": (CODE_VARIABLE, notes), "user_prompt_template": template}
    folder = tmp_path / "home-of-ada" / "shop"
    folder.mkdir(parents=True)
    async with (
        running(database, _Echo(), prompt=prompt) as parts,
        served(parts, tmp_path, serve={"allowed_hosts": [HOST]}) as (service, runner),
    ):
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with wire(runner.addresses[-1][1], tmp_path) as line:
            executor = to_tcp(f"https://{HOST}", monkeypatch, await key_for(service), **line.settings)
            gate = Gate(OutboundSettings(), tmp_path / "outbound")
            try:
                text, finished = await executed(
                    GuardedExecutor(executor, gate),
                    prompt="explain",
                    variables=nested,
                    workspace=str(folder),
                    paths=(str(folder / "orders.py"),),
                    session_id="ada-lovelace-window-7",
                )
            finally:
                await executor.aclose()
            check(gate, line)
            [entry] = [entry for entry in gate.ledger.newest() if entry.bytes]
    assert text == finished.output
    assert [secret for secret in CANARIES if secret not in text] == []
    assert b"home-of-ada" not in line.bytes
    assert b"orders.py" not in line.bytes
    assert b"ada-lovelace" not in line.bytes
    assert entry.workspace == "shop"
    assert b'"shop"' in line.bytes


class _Echo:
    """An engine that repeats what it is asked."""

    async def generate(self, generation):
        for piece in pieces("".join(message.content for message in generation.messages), 5):
            yield Chunk(piece)
        yield Done(Usage(1, 1), "stop")

    async def model(self, name, role=None):
        return ModelIdentity(name or "echo", "echo", 1_000_000)

    def count_tokens(self, model, text):
        return len(text) // 4

    async def aclose(self):
        pass


async def test_vectors_and_scores_are_made_of_texts_without_secrets(sqlite_url, tmp_path):
    async with remote(sqlite_url, tmp_path) as (core, line):
        embedder, reranker = core.embedder, core.reranker
        await embedder.embed(await embedder.model("coder"), [CODE, "plain"], Priority.EXPLICIT)
        await reranker.score(await reranker.model("coder"), f"where is {KEY}?", [CODE, "plain"], Priority.EXPLICIT)
        sent = check(core.gate, line)
        assert {entry.purpose for entry in core.gate.ledger.newest() if entry.bytes} == {"embed", "rerank"}
    assert len(sent) == 2


async def test_a_secret_in_front_of_the_cursor_is_replaced_and_comes_back(sqlite_url, tmp_path):
    prefix, suffix = CODE + '\npassword = "Tr0ub4dor&3-mule', '"\nprint(password)'
    model = replace(MODEL, name="qwen2.5-coder-7b")
    asked = Generation(model, (), 0, 64, Decoding(stop=("# end",)), infill=Infill(prefix, suffix))
    async with remote(sqlite_url, tmp_path) as (core, line):
        text = "".join([item.text async for item in core.engine.generate(asked) if isinstance(item, Chunk)])
        check(core.gate, line)
    assert [secret for secret in CANARIES if secret not in text] == []


async def test_an_answer_in_json_gets_secrets_back_within_its_strings(sqlite_url, tmp_path):
    schema = {"type": "object", "properties": {"key": {"type": "string"}}, "required": ["key"]}
    password = 'pa"ss\\w0rd-9'
    written = json.dumps({"key": f"{KEY} {password}"})
    asked = Generation(
        MODEL,
        (Message("user", f"{KEY}\n<password>{password}</password>\n{written}"),),
        0,
        64,
        Decoding(),
        output_schema=schema,
    )

    async def repeats_in_json(request, body):
        found = PLACEHOLDER.findall(_said(body))
        answer = json.dumps({"key": " ".join(found[:2])})
        return await blocks(*map(delta, pieces(answer, 3)), delta(finish="stop"), DONE)(request, body)

    upstream = peer()
    upstream.routes["/v1/chat/completions"] = repeats_in_json
    async with serving(upstream), wire(int(upstream.origin.rpartition(":")[2]), tmp_path) as line:
        engine = {"name": "openai", "base_url": f"https://{HOST}/v1", "key_env": "MODELS_KEY", **line.settings}
        settings = Settings.model_validate({"storage": {"database_url": sqlite_url}, "engine": engine})
        async with open_core(settings) as core:
            text = "".join([item.text async for item in core.engine.generate(asked) if isinstance(item, Chunk)])
            check(core.gate, line, [KEY])
    assert json.loads(text) == {"key": f"{KEY} {password}"}


async def test_what_an_error_quotes_is_shown_as_it_was_asked(sqlite_url, tmp_path):
    async def refuses(request, body):
        return await told({"error": {"message": f"I do not like {PLACEHOLDER.search(_said(body))[0]}"}}, 400)(
            request, body
        )

    upstream = peer()
    upstream.routes["/v1/chat/completions"] = refuses
    async with serving(upstream), wire(int(upstream.origin.rpartition(":")[2]), tmp_path) as line:
        engine = {"name": "openai", "model": "coder", "base_url": f"https://{HOST}/v1", **line.settings}
        settings = Settings.model_validate(
            {"storage": {"database_url": sqlite_url}, "engine": {**engine, "key_env": "MODELS_KEY"}}
        )
        async with open_core(settings) as core:
            request = ExecutionRequest(
                Task.EXPLAIN, "explain-code", {"code": 'password = "Tr0ub4dor&3-mule"', "language": "python"}
            )
            async with aclosing(core.executor.execute(request)) as events:
                last = [event async for event in events][-1]
            assert [entry.outcome for entry in core.gate.ledger.newest() if entry.bytes] == ["400"]
    assert isinstance(last, Failed)
    assert "I do not like Tr0ub4dor&3-mule" in last.message


async def refused(core, **changes) -> str:
    request = ExecutionRequest(Task.EXPLAIN, "explain-code", {"code": "x", "language": "python"}, **changes)
    async with aclosing(core.executor.execute(request)) as events:
        [last] = [event async for event in events]
    assert isinstance(last, Failed), last
    assert last.kind == "refused"
    return last.message


async def test_where_nothing_may_leave_nobody_is_even_connected_to(sqlite_url, tmp_path):
    async with remote(sqlite_url, tmp_path, local_only=True) as (core, line):
        assert "outbound.local_only" in await refused(core)
        for ask in (core.embedder.embed(MODEL, ["x"], Priority.EXPLICIT), core.embedder.model("coder")):
            with pytest.raises(OutboundRefused, match="local_only"):
                await ask
        assert line.connections == 0
        assert list(core.gate.ledger.newest()) == []


async def test_a_workspace_and_a_file_that_stay_here_keep_everybody_from_being_connected_to(sqlite_url, tmp_path):
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / ".codetuneignore").write_text("secret_sauce.py\n")
    async with remote(sqlite_url, tmp_path) as (core, line):
        assert ".codetuneignore says so" in await refused(core, workspace=str(shop), paths=("secret_sauce.py",))
        (shop / "codetune.toml").write_text("[outbound]\nlocal_only = true\n")
        assert "codetune.toml says outbound.local_only" in await refused(core, workspace=str(shop))
        assert line.connections == 0
        assert list(core.gate.ledger.newest()) == []


async def test_what_cannot_be_noted_does_not_leave(sqlite_url, tmp_path, monkeypatch):
    (tmp_path / "state" / "codetune").mkdir(parents=True)
    (tmp_path / "state" / "codetune" / "outbound").write_text("no folder")
    async with remote(sqlite_url, tmp_path) as (core, line):
        assert "the outbound ledger" in await refused(core)
        assert line.connections == 0


async def test_a_server_of_this_machine_is_sent_what_was_asked_and_nothing_is_noted(sqlite_url, tmp_path):
    async with serving(peer()) as upstream:
        engine = {"name": "openai", "model": "coder", "base_url": upstream.base_url}
        settings = Settings.model_validate(
            {"storage": {"database_url": sqlite_url}, "engine": engine, "outbound": {"local_only": True}}
        )
        async with open_core(settings) as core:
            text, _ = await executed(core.executor)
            assert list(core.gate.ledger.newest()) == []
    [body] = upstream.posts("chat/completions")
    assert [secret for secret in CANARIES if secret not in _said(body)] == []
    assert _said(body) == text


@SQLITE
async def test_who_makes_keys_of_a_service_elsewhere_is_noted_too(database, tmp_path, monkeypatch):
    async with (
        running(database) as parts,
        served(parts, tmp_path, serve={"allowed_hosts": [HOST]}) as (service, runner),
    ):
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        _, admin = await service.core.keys.create("ada", {Scope.ADMIN}, expires="1d")
        monkeypatch.setenv("MODELS_KEY", admin.text.get_secret_value())
        async with wire(runner.addresses[-1][1], tmp_path) as line:
            remote = {"base_url": f"https://{HOST}", "key_env": "MODELS_KEY", **line.settings}
            settings = Settings.model_validate({"remote": remote})
            async with opened(settings, remote=True) as keys:
                made = await keys.create(KeyBody(user="bob", scopes=(Scope.EXECUTE,), expires="1d"))
                assert [key.user for key in (await keys.page("")).items] == ["bob", "ada"]
            gate = Gate(settings.outbound)
            [posted] = check(gate, line, [])
    assert posted.path == "/api/keys/"
    assert made.key.startswith("ctk_")
    assert {entry.purpose for entry in gate.ledger.newest()} == {"keys"}


@SQLITE
async def test_what_a_service_elsewhere_is_asked_of_its_prompts_is_noted_too(database, tmp_path, monkeypatch):
    there = {"variables": (CODE_VARIABLE,), "user_prompt_template": "{{ code }}"}
    async with (
        running(database, prompt=there) as parts,
        served(parts, tmp_path, serve={"allowed_hosts": [HOST]}) as (service, runner),
    ):
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        theirs = PromptDraft(name="theirs", tags=("editor:file",))
        await parts.library.create(theirs, Wording(user_prompt_template="x"), by="ada")
        _, made = await service.core.keys.create("ada", {Scope.READ}, expires="1d")
        monkeypatch.setenv("MODELS_KEY", made.text.get_secret_value())
        async with wire(runner.addresses[-1][1], tmp_path) as line:
            asked = {"base_url": f"https://{HOST}", "key_env": "MODELS_KEY", **line.settings}
            own = {"storage": {"database_url": f"sqlite:///{tmp_path / 'own.db'}"}, "remote": asked}
            async with open_core(Settings.model_validate(own)) as core:
                chosen = await core.chosen("explain", Choosing(session_id="ada-lovelace-window-7"))
                assert "theirs" in [prompt.name for prompt in (await core.offered()).prompts]
                check(core.gate, line, [])
                assert {entry.purpose for entry in core.gate.ledger.newest()} == {"choice", "menu"}
            dialled = line.connections
            async with open_core(Settings.model_validate({**own, "outbound": {"local_only": True}})) as core:
                assert "theirs" not in [prompt.name for prompt in (await core.offered()).prompts]
                assert line.connections == dialled
    assert chosen.prompt == "explain"
    assert b"ada-lovelace" not in line.bytes
