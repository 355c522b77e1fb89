"""A service from its first moment to its last: ready, drained, ended at once, left when nobody needs it."""

import asyncio
import os
import shutil
import signal
import ssl
from contextlib import closing

import aiohttp
import daemons
import pytest
import trustme
from click.testing import CliRunner

from codetune_core.bootstrap.core import open_core
from codetune_core.cli.main import main
from codetune_core.daemon.identity import Identity
from codetune_core.daemon.own import own_identity, own_settings
from codetune_core.daemon.place import identity_file
from codetune_core.domain.service_key import Scope
from codetune_core.errors import CodeTuneError, SettingsError, StorageError
from codetune_remote.serve.listen import Serving, serve
from codetune_remote.serve.sockets import tcp_socket, unix_socket, where


def asked_to_end():
    os.kill(os.getpid(), signal.SIGTERM)


async def test_it_says_who_it_is_and_runs_prompts(served):
    async with served() as service:
        ours = own_identity(own_settings().settings)
        said = Identity.read(identity_file(service.path))
        assert (said.version, said.wire, said.settings, said.pid) == (
            ours.version,
            ours.wire,
            ours.settings,
            os.getpid(),
        )
        async with service.execute() as answer:
            assert (await service.last(answer))["output"] == "It adds two numbers."


async def test_told_to_end_it_takes_nothing_new_and_what_runs_finishes(served, somebody):
    somebody.scripted("default: {answers: ['one two three four five six'], token_delay_ms: 60}")
    async with served() as service, service.execute() as running:
        await service.tokens(running, 1)
        asked_to_end()
        await daemons.until(lambda: not identity_file(service.path).exists(), "still new work")
        async with service.execute() as refused:
            assert (refused.status, refused.content_type) == (503, "application/problem+json")
            assert int(refused.headers["Retry-After"]) >= 1
        assert (await service.last(running))["output"] == "one two three four five six"
        await service.serving
    assert [row[1] for row in somebody.recorded()] == [1]


async def test_what_takes_longer_than_it_may_ends_with_an_event_that_says_so(served, somebody):
    somebody.scripted(serve={"drain_seconds": 0.2})
    async with served() as service, service.execute("SLOW") as running:
        await service.tokens(running, 1)
        asked_to_end()
        last = await service.last(running)
        assert last["type"] == "failed"
        assert "about to end" in last["message"]
        await service.serving
    assert len(somebody.recorded()) == 1


async def test_told_twice_it_ends_at_once(served, somebody):
    somebody.scripted(serve={"drain_seconds": 3600})
    async with served() as service, service.execute("SLOW") as running:
        await service.tokens(running, 1)
        asked_to_end()
        await daemons.until(lambda: not identity_file(service.path).exists(), "still new work")
        asked_to_end()
        await service.serving
    assert len(somebody.recorded()) == 1


async def test_told_to_end_while_it_starts_it_ends(somebody):
    with unix_socket(somebody.home / "run" / "x.sock") as listener:
        serving = asyncio.create_task(serve(Serving(listener)))
        await asyncio.sleep(0)
        asked_to_end()
        await serving


async def test_a_daemon_that_nobody_needs_leaves(served, somebody):
    somebody.scripted(daemon={"idle_seconds": 0.2})
    async with served(log=somebody.files.log) as service:
        async with service.execute("a + b") as answer:
            await answer.read()
        await service.client.close()
        await service.serving


@pytest.mark.parametrize("does", ["removed", "replaced"])
async def test_a_database_that_is_gone_ends_it_so_that_nothing_is_written_where_nobody_finds_it(served, somebody, does):
    async with served() as service:
        async with service.execute() as answer:
            await answer.read()
        if does == "removed":
            somebody.database.unlink()
        else:
            shutil.copy(somebody.database, somebody.home / "restored.db")
            (somebody.home / "restored.db").replace(somebody.database)
        with pytest.raises(StorageError, match=f"was {does} while this process had it open"):
            await service.serving


async def test_other_machines_are_served_only_where_somebody_has_a_key(somebody, capsys):
    with tcp_socket("0.0.0.0", 0) as listener:
        with pytest.raises(SettingsError, match="codetune keys create"):
            await serve(Serving(listener))
        assert capsys.readouterr().out == ""
        async with open_core(own_settings().settings) as core:
            await core.keys.create("ada", [Scope.EXECUTE], expires="never")
        serving = asyncio.create_task(serve(Serving(listener)))
        port = listener.getsockname()[1]
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client, client.get("/healthz") as answer:
            assert answer.status == 200
        assert capsys.readouterr().out == f"codetune serve listens on http://0.0.0.0:{port}\n"
        asked_to_end()
        await serving


async def test_a_process_serves_over_tls_says_its_port_and_ends_with_0(somebody):
    authority, files = trustme.CA(), [somebody.home / "cert.pem", somebody.home / "key.pem"]
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(files[0])
    issued.private_key_pem.write_to_path(files[1])
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    child = somebody.start("serve", "--tcp", "127.0.0.1:0", "--tls-cert", files[0], "--tls-key", files[1])
    try:
        address = child.stdout.readline().strip().removeprefix("codetune serve listens on ")
        assert address.startswith("https://127.0.0.1:")
        async with aiohttp.ClientSession(address) as client, client.get("/healthz", ssl=trust) as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "alive"})
    finally:
        child.terminate()
        out, err = child.communicate(timeout=60)
    assert (child.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--socket", "x.sock", "--tcp", "1"], "Choose one of --socket and --tcp"),
        (["--tcp", "1", "--tls-cert", "answers.yaml"], "go together, and with --tcp"),
        (["--tls-cert", "answers.yaml", "--tls-key", "answers.yaml"], "go together, and with --tcp"),
        (["--tcp", "127.0.0.1:0", "--tls-cert", "answers.yaml", "--tls-key", "answers.yaml"], "are no certificate"),
        (["--tcp", "127.0.0.1:99999"], "has no port"),
        (["--socket", "nowhere/else/x.sock"], "no socket can be made in"),
    ],
)
def test_what_cannot_be_served_is_said(somebody, monkeypatch, arguments, says):
    monkeypatch.chdir(somebody.home)
    result = CliRunner().invoke(main, ["serve", *arguments])
    assert result.exit_code == 2
    assert says in result.output


def test_a_second_one_recognises_the_first_and_is_no_error(somebody, monkeypatch):
    monkeypatch.setattr("codetune_remote.serve.sockets._LOOKED_AT_SECONDS", 0.05)
    with somebody.pretended(version="1.2.3") as first:
        result = CliRunner().invoke(main, ["serve"])
    assert result.exit_code == 0, result.output
    assert f"process {first} serves on {somebody.files.socket} already (CodeTune 1.2.3)" in result.stderr


def test_addresses_are_said_as_they_are_written():
    with closing(tcp_socket("::1", 0)) as listener:
        assert where(listener, encrypted=True) == f"https://[::1]:{listener.getsockname()[1]}"


@pytest.mark.parametrize(("name", "says"), [("gpt-99", "gpt-99"), ("embedding", "nowhere")])
async def test_a_model_that_cannot_be_loaded_here_is_said_at_once(somebody, name, says):
    somebody.scripted(models={"embedding": "nowhere"})
    with unix_socket(somebody.home / "run" / "x.sock") as listener, pytest.raises(CodeTuneError, match=says):
        await serve(Serving(listener, (name,)))
