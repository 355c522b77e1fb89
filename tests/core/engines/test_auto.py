"""The engine ``auto`` finds who can answer: a model of this machine, a local server of this user, or nobody."""

import os
import socket
import subprocess
import sys
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from http_peer import Peer, serving, silence, text, told
from openai_server import card, error, server

from codetune_core.domain.execution import Message, ModelIdentity, Role, Usage
from codetune_core.domain.prompt import Decoding
from codetune_core.engines import local_servers
from codetune_core.engines.auto import AutoEngine
from codetune_core.engines.local_servers import LocalServer, probe
from codetune_core.engines.protocol import Done, Generation
from codetune_core.engines.registry import build, build_engine
from codetune_core.engines.scripted import ScriptedEngine, read_script
from codetune_core.engines.socket_owner import is_ours
from codetune_core.errors import ExecutionError, SettingsError
from codetune_core.sections import EngineSettings
from codetune_core.settings import Settings

TINY = Path(__file__).parents[2] / "fixtures" / "tiny-code-model"


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """Neither models nor servers of whoever runs the tests."""
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setattr(local_servers, "USUAL_PORTS", {})


@asynccontextmanager
async def usual(monkeypatch, **peers: Peer):
    """Servers that stand on the usual ports of these programs."""
    async with AsyncExitStack() as stack:
        for peer in peers.values():
            await stack.enter_async_context(serving(peer))
        monkeypatch.setattr(local_servers, "USUAL_PORTS", {name: port_of(peer) for name, peer in peers.items()})
        yield


def port_of(peer: Peer) -> int:
    return urlsplit(peer.origin).port


def having(*names: str) -> Peer:
    return server(*(card(name) for name in names))


def asking(model: ModelIdentity) -> Generation:
    return Generation(model, (Message("user", "Hello?"),), 0, 16, Decoding())


async def check(engine, name: str = "", role: Role = Role.GENERATION) -> tuple[ModelIdentity, str, Done]:
    """Who is asked for a name and a role, what comes back, and its end."""
    model = await engine.model(name, role)
    async with aclosing(engine.generate(asking(model))) as stream:
        *chunks, done = [item async for item in stream]
    return model, "".join(chunk.text for chunk in chunks), done


async def test_it_is_the_engine_where_nothing_is_set():
    engine = build(Settings())
    assert isinstance(engine, AutoEngine)
    await engine.aclose()


async def test_a_server_on_its_usual_port_answers(monkeypatch):
    peer = having("nomic-embed-text", "coder", "other")
    async with usual(monkeypatch, Ollama=peer):
        engine = build(Settings())
        model, answer, done = await check(engine)
        assert (model.name, model.engine, answer, done.usage) == ("coder", "openai", "Hello there", Usage(5, 2))
        assert engine.count_tokens(model, "four words, or five") >= 4
        await engine.aclose()
    assert [body["model"] for body in peer.posts("/chat/completions")] == ["coder"]


async def test_a_model_is_asked_of_the_server_that_has_it(monkeypatch):
    first, second = having("a"), having("b", "c")
    async with usual(monkeypatch, Ollama=first, vLLM=second):
        engine = AutoEngine(EngineSettings(), Settings.model_validate({"models": {"review": "b"}}))
        assert (await check(engine, "c"))[0].name == "c"
        assert (await check(engine, "", Role.REVIEW))[0].name == "b"
        assert (await check(engine))[0].name == "a"
        with pytest.raises(SettingsError, match=r"Ollama on port \d+ has no model d; vLLM on port \d+ has no model d"):
            await engine.model("d")
        await engine.aclose()
    assert (len(first.posts()), len(second.posts())) == (1, 2)


async def test_a_model_whose_files_are_here_goes_before_a_server(monkeypatch, tmp_path):
    """Who is built is seen by a builder that notes it, and gives a script."""
    script = tmp_path / "script.yaml"
    script.write_text("default: {answers: [fine]}")
    built: list[EngineSettings] = []

    def build_noting(asked, settings):
        built.append(asked)
        return ScriptedEngine(read_script(script))

    async with usual(monkeypatch, Ollama=having("coder")):
        settings = Settings.model_validate({"models": {"review": str(TINY)}})
        asked = EngineSettings(key_env="SECRET", proxy="http://127.0.0.1:1")
        engine = AutoEngine(asked, settings, build_noting)
        for role in (Role.REVIEW, Role.GENERATION, Role.COMPLETION):
            with pytest.raises(ExecutionError, match="the script has no model"):
                await engine.model("", role)
        await engine.aclose()
    local, remote = built
    assert (local.name, local.key_env) == ("transformers", "SECRET")
    assert (remote.name, remote.model, remote.key_env, remote.proxy) == ("openai", "coder", "", "")


async def test_an_address_that_is_set_is_asked_whatever_else_is_here(monkeypatch):
    peer = having("mine")
    async with usual(monkeypatch, Ollama=having("coder")), serving(peer):
        engine = build_engine(EngineSettings(name="auto", base_url=peer.base_url), Settings())
        assert (await check(engine))[0].name == "mine"
        await engine.aclose()
    assert len(peer.posts()) == 1


async def test_nobody_is_there_and_the_reasons_are_said():
    engine = AutoEngine(EngineSettings(), Settings())
    says = (
        r"^no engine is set, and none was found: no model for review is on this machine; no server answers on its "
        r"usual port; .* would fit: .*codetune models pull .*; start a server such as Ollama, or set engine.base_url in"
    )
    with pytest.raises(SettingsError, match=says):
        await engine.model("", Role.REVIEW)
    with pytest.raises(SettingsError, match="none was found"):
        await anext(engine.generate(asking(ModelIdentity("x", "y", 1))))
    assert engine.count_tokens(ModelIdentity("x", "y", 1), "año") == 4


async def test_who_was_not_there_is_looked_for_again_after_a_while(monkeypatch):
    engine = AutoEngine(EngineSettings(), Settings())
    with pytest.raises(SettingsError):
        await engine.model("")
    async with usual(monkeypatch, Ollama=having("coder")):
        with pytest.raises(SettingsError):
            await engine.model("")
        monkeypatch.setattr("codetune_core.engines.auto._ASK_AGAIN_SECONDS", 0)
        assert (await engine.model("")).name == "coder"
        await engine.aclose()


@pytest.mark.parametrize("answers", [error(500, "broken"), text("half an"), told({}, 503)])
async def test_after_a_failure_another_is_looked_for(monkeypatch, answers):
    failing, other = server(card("coder"), answer=answers), having("coder")
    engine = AutoEngine(EngineSettings(), Settings())
    async with usual(monkeypatch, Ollama=failing):
        with pytest.raises(ExecutionError):
            await check(engine)
    async with usual(monkeypatch, vLLM=other):
        assert (await check(engine))[1] == "Hello there"
        await engine.aclose()


async def test_a_server_that_went_away_is_not_asked_again(monkeypatch):
    engine = AutoEngine(EngineSettings(), Settings())
    async with usual(monkeypatch, Ollama=having("coder")):
        model, _, _ = await check(engine)
    monkeypatch.setattr(local_servers, "USUAL_PORTS", {})
    with pytest.raises(SettingsError, match="none was found"):
        await anext(engine.generate(asking(model)))
    await engine.aclose()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (told({"data": "none"}), "does not answer GET /v1/models"),
        (told({"data": [{"id": ""}]}), "does not answer GET /v1/models"),
        (told({"data": [{"id": "x"}]}, 500), "does not answer GET /v1/models"),
        (text("<html>my site</html>"), "does not answer GET /v1/models"),
        (told({}, 302, {"Location": "http://192.0.2.1/v1/models"}), "does not answer GET /v1/models"),
        (text("[" * 1_100_000), "does not answer GET /v1/models"),
        (told({"data": []}), "has no model"),
        (silence, "does not answer GET /v1/models"),
    ],
)
async def test_what_is_no_such_server_is_not_used(monkeypatch, answer, says):
    monkeypatch.setattr(local_servers, "_ANSWER_SECONDS", 0.3)
    async with usual(monkeypatch, vLLM=Peer({"/v1/models": answer})):
        found = await probe()
    assert found.servers == ()
    [reason] = found.refused
    assert says in reason


async def test_a_port_where_nobody_listens_says_nothing(monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found = await probe({"Ollama": free.getsockname()[1]})
    assert (found.servers, found.refused) == ((), ())


@pytest.mark.parametrize(
    ("role", "model"),
    [
        (Role.GENERATION, "qwen3"),
        (Role.COMPLETION, "qwen3"),
        (Role.EMBEDDING, "mxbai-embed-large"),
        (Role.RERANK, ""),
    ],
)
def test_a_server_s_model_is_one_that_can_do_it(role, model):
    names = ("bge-reranker", "mxbai-embed-large", "qwen3", "all-minilm")
    assert LocalServer("Ollama", 1, names).default_model(role) == model
    assert LocalServer("Ollama", 1, ()).default_model(role) == ""


LISTEN, ELSEWHERE = "0A", "01"
LOOPBACK, ANY, LAN = "0100007F", "00000000", "0100A8C0"
SIX_ANY, SIX_LOOPBACK, SIX_MAPPED = "0" * 32, "0" * 24 + "01000000", "0" * 16 + "FFFF0000" + LOOPBACK


@pytest.mark.skipif(sys.byteorder == "big", reason="the addresses are written as on a little-endian machine")
@pytest.mark.parametrize(
    ("sockets", "ours"),
    [
        ([(LOOPBACK, 11434, LISTEN, "me")], True),
        ([(LOOPBACK, 11434, LISTEN, 0)], True),
        ([(ANY, 11434, LISTEN, 998)], True),
        ([(ANY, 11434, LISTEN, 4242)], False),
        ([(SIX_ANY, 11434, LISTEN, 4242)], False),
        ([(SIX_MAPPED, 11434, LISTEN, 4242)], False),
        ([(LOOPBACK, 11434, LISTEN, "me"), (ANY, 11434, LISTEN, 4242)], False),
        ([(LOOPBACK, 11434, LISTEN, "me"), (LAN, 11434, LISTEN, 4242)], True),
        ([(LOOPBACK, 11434, LISTEN, "me"), (SIX_LOOPBACK, 11434, LISTEN, 4242)], True),
        ([(LOOPBACK, 11434, LISTEN, "me"), (LOOPBACK, 11434, ELSEWHERE, 4242)], True),
        ([(LOOPBACK, 8080, LISTEN, "me")], False),
        ([], False),
    ],
)
def test_a_socket_belongs_to_this_user_or_to_the_system(tmp_path, monkeypatch, sockets, ours):
    monkeypatch.setattr(os, "getuid", lambda: 1234)
    for name, width in (("tcp", 8), ("tcp6", 32)):
        lines = [row(each) for each in sockets if len(each[0]) == width]
        (tmp_path / name).write_text("\n".join(["  sl  local_address rem_address ...", *lines]) + "\n")
    assert is_ours(11434, tmp_path) is ours


def row(listener) -> str:
    address, port, state, owner = listener
    uid = 1234 if owner == "me" else owner
    return f"   0: {address}:{port:04X} {ANY}:0000 {state} 00000000:00000000 00:00000000 00000000 {uid:5} 0 1 1 0"


def test_a_system_that_does_not_tell_owners_is_believed(tmp_path):
    assert is_ours(11434, tmp_path / "nothing")


@pytest.mark.skipif(not sys.platform.startswith("linux") or os.geteuid() != 0, reason="only root can become another")
async def test_code_is_not_sent_to_the_server_of_somebody_else(monkeypatch):
    """A socket that another user made; nobody accepts what comes in."""
    os.seteuid(4242)
    try:
        other = socket.create_server(("127.0.0.1", 0))
    finally:
        os.seteuid(0)
    with other:
        found = await probe({"Ollama": other.getsockname()[1]})
        with other.accept()[0] as connection:
            assert connection.recv(1) == b""
    assert found.servers == ()
    assert "is not known to be yours" in found.refused[0]


def test_nothing_heavy_is_imported_to_find_nobody():
    code = (
        "import asyncio, sys\n"
        "from codetune_core.engines import local_servers\n"
        "local_servers.USUAL_PORTS = {}\n"
        "from codetune_core.engines.registry import build\n"
        "from codetune_core.errors import SettingsError\n"
        "from codetune_core.settings import Settings\n"
        "try:\n"
        "    asyncio.run(build(Settings()).model(''))\n"
        "except SettingsError:\n"
        "    print({'torch', 'transformers', 'aiohttp', 'sqlalchemy', 'rich'} & set(sys.modules))\n"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert ended.stdout == "set()\n"
