"""Where the keys of engines come from, and that nobody sees them."""

import asyncio
import logging
import sys
from pathlib import Path

import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeyring

from codetune_core.errors import EngineUnusable
from codetune_core.http import keys
from codetune_core.http.keys import KeyHolder, find_key, remove_key, store_key
from codetune_core.sections import EngineSettings
from codetune_core.settings import Options, resolve

OPENAI = EngineSettings(name="openai")
LOCAL = EngineSettings(name="openai", base_url="http://localhost:8000/v1")
OTHER_PATH = EngineSettings(name="openai", base_url="http://localhost:8000/other/v1")
ELSEWHERE = EngineSettings(name="openai", base_url="https://vllm.example.com/v1")


pytestmark = pytest.mark.usefixtures("ring")


async def secret(asked: EngineSettings) -> str | None:
    found = await find_key(asked)
    return found.secret.get_secret_value() if found else None


def prints(text: str, *, code: int = 0) -> tuple[str, ...]:
    return (sys.executable, "-c", f"import sys; sys.stdout.write({text!r}); sys.exit({code})")


async def test_without_any_there_is_no_key():
    assert await find_key(OPENAI) is None


async def test_a_key_is_kept_and_forgotten(ring):
    await store_key(OPENAI, " sk-1\n")
    assert await secret(OPENAI) == "sk-1"
    assert list(ring.held()) == ["codetune openai https://api.openai.com"]
    assert await remove_key(OPENAI)
    assert await secret(OPENAI) is None
    assert not await remove_key(OPENAI)


async def test_a_key_is_for_one_address():
    await store_key(LOCAL, "sk-local")
    assert [await secret(asked) for asked in (LOCAL, OTHER_PATH, OPENAI, ELSEWHERE)] == ["sk-local"] * 2 + [None] * 2


@pytest.mark.parametrize(("asked", "key"), [(OPENAI, "sk-env"), (LOCAL, None), (ELSEWHERE, None)])
async def test_the_usual_variable_is_for_who_issues_its_key(monkeypatch, asked, key):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-env")
    assert await secret(asked) == key


@pytest.mark.parametrize("name", ["anthropic", "huggingface", "openai"])
async def test_each_engine_has_its_usual_variable(monkeypatch, name):
    monkeypatch.setenv(keys.OWN[name].variables[0], "its-own")
    assert await secret(EngineSettings(name=name)) == "its-own"


async def test_the_more_particular_source_goes_first(monkeypatch):
    await store_key(OPENAI, "of-the-keyring")
    assert await secret(OPENAI) == "of-the-keyring"
    monkeypatch.setenv("OPENAI_API_KEY", "usual")
    assert await secret(OPENAI) == "usual"
    monkeypatch.setenv("MY_KEY", "named")
    named = OPENAI.model_copy(update={"key_env": "MY_KEY"})
    assert await secret(named) == "named"
    assert await secret(named.model_copy(update={"key_command": prints("told")})) == "told"


async def test_a_variable_that_is_named_and_not_set_is_said(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "usual")
    with pytest.raises(EngineUnusable, match=r"MY_KEY is not set \(engine.key_env\)"):
        await find_key(OPENAI.model_copy(update={"key_env": "MY_KEY"}))


@pytest.mark.parametrize("text", ["", "\n", "two words", "schlüssel", "a\x00b", "a\rb"])
async def test_what_is_no_key_is_said_and_not_repeated(monkeypatch, text):
    with pytest.raises(EngineUnusable, match="is no key: it must be one line of ASCII") as caught:
        await store_key(OPENAI, text)
    assert not text.strip() or text not in str(caught.value)


async def test_a_command_prints_the_key_on_its_first_line():
    asked = OPENAI.model_copy(update={"key_command": prints("sk-told\nlogin: me\n")})
    assert await secret(asked) == "sk-told"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (prints("sk-secret", code=3), "failed with exit code 3"),
        (prints(""), "is no key"),
        (("no-such-program-at-all",), "cannot be run"),
        ((str(Path(__file__).parent),), "cannot be run"),
    ],
)
async def test_a_command_that_gives_no_key_is_said_without_what_it_printed(command, words):
    with pytest.raises(EngineUnusable, match=words) as caught:
        await find_key(OPENAI.model_copy(update={"key_command": command}))
    assert "sk-secret" not in str(caught.value)


async def test_a_command_that_does_not_end_is_ended_with_its_children(monkeypatch, tmp_path):
    monkeypatch.setattr(keys, "_SECONDS", 1)
    fifo = tmp_path / "open"
    child = f"import subprocess, sys; subprocess.run(['sleep', '1000'], stdout=open({str(fifo)!r}, 'w'))"
    with pytest.raises(EngineUnusable, match="printed no key within 1 seconds"):
        await find_key(OPENAI.model_copy(update={"key_command": (sys.executable, "-c", child)}))
    assert not _runs_with(fifo)


def _runs_with(path: Path) -> bool:
    """Whether a process has a file open."""
    opened = (link for process in Path("/proc").glob("[0-9]*") for link in (process / "fd").glob("*"))
    for link in opened:
        try:
            if link.readlink() == path:
                return True
        except OSError:
            continue
    return False


async def test_cancelling_who_waits_for_a_command_ends_it(tmp_path):
    started = tmp_path / "started"
    child = f"import pathlib, time; open({str(started)!r}, 'w').flush(); time.sleep(1000)"
    waiting = asyncio.create_task(
        find_key(OPENAI.model_copy(update={"key_command": (sys.executable, "-c", child, str(started))}))
    )
    while not started.exists():
        await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    commands = (process / "cmdline" for process in Path("/proc").glob("[0-9]*"))
    assert not any(str(started).encode() in _read(command) for command in commands)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


async def test_a_locked_keyring_is_said(ring):
    ring.locked = True
    with pytest.raises(EngineUnusable, match="cannot be read: the keyring is locked"):
        await find_key(OPENAI)
    with pytest.raises(EngineUnusable, match="takes no key: the keyring is locked"):
        await store_key(OPENAI, "sk-1")


async def test_a_system_without_a_keyring_has_no_key_and_keeps_none():
    keyring.set_keyring(NoKeyring())
    assert await find_key(OPENAI) is None
    with pytest.raises(EngineUnusable, match=r"this system has no keyring.*engine\.key_env"):
        await store_key(OPENAI, "sk-1")


async def test_a_key_shows_itself_nowhere(caplog):
    caplog.set_level(logging.DEBUG)
    await store_key(OPENAI, "sk-secret")
    found = await find_key(OPENAI)
    assert "sk-secret" not in f"{found!r} {found} {vars(KeyHolder(OPENAI))} {caplog.text}"
    assert found.source == "the keyring"


async def test_a_key_is_looked_for_once_until_it_is_forgotten(tmp_path):
    count = tmp_path / "count"
    child = f"open({str(count)!r}, 'a').write('x'); print('sk-1')"
    holder = KeyHolder(OPENAI.model_copy(update={"key_command": (sys.executable, "-c", child)}))
    await asyncio.gather(*(holder.key() for _ in range(5)))
    assert count.read_text() == "x"
    holder.forget()
    await holder.key()
    assert count.read_text() == "xx"


@pytest.mark.parametrize("setting", [{"key_command": ["cat", "/secret"]}, {"key_env": "AWS_SECRET"}])
@pytest.mark.parametrize("section", ["engine", "engines"])
def test_a_workspace_names_no_key(setting, section):
    written = setting if section == "engine" else {"openai": setting}
    resolved = resolve([Options("work/codetune.toml", {section: written}, trusted=False)])
    assert resolved.settings.engine == EngineSettings()
    assert resolved.settings.engines == {}
    assert "is not used" in resolved.notices[0].text
