"""The way to Hugging Face: trust, time to connect, proxies, and which token goes to whom."""

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest
from http_peer import Peer, serving, told

from codetune_core.domain.execution import ModelIdentity
from codetune_core.engines.huggingface.endpoint import describe
from codetune_core.engines.huggingface.session import Session
from codetune_core.engines.huggingface.token import find_token
from codetune_core.errors import EngineLost, EngineTimeout, EngineUnusable, ExecutionError
from codetune_core.http import keys
from codetune_core.sections import EngineSettings

ENDPOINT = "https://abc.eu-west-1.aws.endpoints.huggingface.cloud"


async def described(base_url: str, **settings) -> ModelIdentity:
    session = Session(EngineSettings(name="huggingface", base_url=base_url, **settings))
    try:
        return (await describe(session)).identity("")
    finally:
        await session.aclose()


async def asked_for_json(base_url: str, **settings) -> object:
    session = Session(EngineSettings(name="huggingface", base_url=base_url, **settings))
    try:
        return await session.json("POST", f"{session.address.root}/rerank", {})
    finally:
        await session.aclose()


@pytest.fixture
def peer():
    return Peer({"/info": told({"model_id": "m", "max_input_length": 10})})


async def test_an_own_authority_is_trusted_where_it_is_named(authority, tls, peer, tmp_path, monkeypatch):
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("MINE", "hf_mine")
    async with serving(peer, tls):
        assert (await described(peer.origin, ca_file=tmp_path / "ca.pem", key_env="MINE")).name == "m"
    assert peer.asked[0].headers["Authorization"] == "Bearer hf_mine"


async def test_an_authority_that_nobody_knows_is_refused(tls, peer):
    async with serving(peer, tls):
        with pytest.raises(EngineUnusable, match=r"is not trusted: .*set engine\.ca_file"):
            await described(peer.origin)
    assert peer.asked == []


@pytest.mark.parametrize("ask", [described, asked_for_json])
async def test_a_server_that_does_not_accept_is_given_up_after_the_time_to_connect(ask):
    with socket.create_server(("127.0.0.1", 0)) as listening:  # nobody answers there, so that the handshake never ends
        port = listening.getsockname()[1]
        with pytest.raises(EngineTimeout, match=r"not reached within 0\.1 seconds \(engine\.connect_seconds\)"):
            await ask(f"https://127.0.0.1:{port}", connect_seconds=0.1)


async def test_a_chat_is_given_up_after_the_time_to_connect():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"https://127.0.0.1:{listening.getsockname()[1]}"
        session = Session(EngineSettings(name="huggingface", base_url=address, connect_seconds=0.1))
        with pytest.raises(EngineTimeout, match=r"engine\.connect_seconds"):
            async with session.client("m", address) as client:
                await client.chat_completion([{"role": "user", "content": "hi"}], stream=True)
        await session.aclose()


@pytest.mark.parametrize("status", [b"407 Proxy Authentication Required", b"502 Bad Gateway"])
async def test_a_proxy_that_lets_nothing_through_is_said_so(tls, peer, status):
    async with serving(peer, tls), _proxy(status) as proxy:
        with pytest.raises(EngineUnusable, match=r"the proxy to .* \(engine\.proxy\)"):
            await described(peer.origin, proxy=proxy)


async def test_a_proxy_that_is_not_there_is_said_so():
    with pytest.raises(EngineLost, match="cannot be reached"):
        await described("https://endpoint.test", proxy="http://127.0.0.1:1")


@asynccontextmanager
async def _proxy(status: bytes):
    async def refuse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


@pytest.fixture
def nobody_logged_in(monkeypatch, tmp_path):
    """Neither variables nor a login; the path is where the login would be."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.utils._auth.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(keys, "_keyring_get", lambda _: None)  # whoever runs the tests may have a key there
    return tmp_path / "token"


async def found(**settings) -> str | None:
    key = await find_token(EngineSettings(name="huggingface", **settings))
    return key and key.secret.get_secret_value()


@pytest.mark.parametrize(
    ("base_url", "sent"),
    [
        ("", "hf_usual"),
        ("https://router.huggingface.co/v1", "hf_usual"),
        (ENDPOINT, "hf_usual"),
        (ENDPOINT.replace("https", "http"), None),
        ("http://localhost:8080", None),
        ("https://someone-else.hf.space", None),
        ("https://endpoints.huggingface.cloud.evil.test", None),
        ("https://evilendpoints.huggingface.cloud", None),
    ],
)
@pytest.mark.parametrize("source", ["variable", "login"])
async def test_the_usual_token_is_for_hugging_face_only(nobody_logged_in, monkeypatch, base_url, sent, source):
    if source == "variable":
        monkeypatch.setenv("HF_TOKEN", "hf_usual")
    else:
        nobody_logged_in.write_text("hf_usual")
    assert await found(base_url=base_url) == sent


@pytest.mark.parametrize("base_url", ["", ENDPOINT, "http://localhost:8080", "https://someone-else.hf.space"])
async def test_a_token_that_is_named_goes_before_the_usual_one(nobody_logged_in, monkeypatch, base_url):
    monkeypatch.setenv("HF_TOKEN", "hf_usual")
    monkeypatch.setenv("MINE", "hf_mine")
    assert await found(base_url=base_url, key_env="MINE") == "hf_mine"
    assert await found(base_url=base_url, key_command=("echo", "hf_told")) == "hf_told"


async def test_a_token_that_is_named_and_not_there_is_said_so(nobody_logged_in):
    with pytest.raises(EngineUnusable, match="MISSING is not set"):
        await found(key_env="MISSING")


async def test_an_endpoint_may_want_a_token_that_is_none_of_hugging_faces(nobody_logged_in, monkeypatch):
    monkeypatch.setenv("MINE", "secret")
    assert await found(base_url="https://tgi.example.org", key_env="MINE") == "secret"


async def test_a_body_without_an_end_is_cut(monkeypatch):
    monkeypatch.setattr("codetune_core.engines.huggingface.pool._MOST_ANSWER_BYTES", 1000)
    peer = Peer({"/info": told({"model_id": "m" * 2000})})
    async with serving(peer):
        with pytest.raises(EngineLost, match="more than 1,000 bytes"):
            await described(peer.origin)


async def test_only_the_beginning_of_an_error_is_read(monkeypatch):
    monkeypatch.setattr("codetune_core.engines.huggingface.pool._MOST_ERROR_BYTES", 10)
    peer = Peer({"/info": told({"error": "x" * 100_000}, 500)})
    async with serving(peer):
        with pytest.raises(ExecutionError) as caught:
            await described(peer.origin)
    assert len(str(caught.value)) < 200
