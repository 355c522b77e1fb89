"""Keys of servers: from a command, the environment or the system's keyring, and shown to nobody.

A key belongs to an address. The keyring keeps one for each, and the usual variable, such as ``OPENAI_API_KEY``, is for
the address of who issues it: a server elsewhere gets only what ``key_env`` or ``key_command`` names for it.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from pydantic import SecretStr

from codetune_core.errors import EngineUnusable
from codetune_core.http.address import Address, parse_address
from codetune_core.sections import EngineSettings, ServerSettings
from codetune_core.service_sections import RemoteSettings

_SERVICE = "codetune"
_SECONDS = 60
"""For a command or a keyring, which may ask its user to unlock it."""
_HIDDEN = "***"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Own:
    """An engine's own server: its address, and the environment variables in which its key usually stands."""

    base_url: str
    variables: tuple[str, ...]


OWN = {
    "openai": Own("https://api.openai.com/v1", ("OPENAI_API_KEY",)),
    "anthropic": Own("https://api.anthropic.com/v1", ("ANTHROPIC_API_KEY",)),
    "huggingface": Own("https://router.huggingface.co/v1", ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")),
}
REMOTE_KEY = "CODETUNE_REMOTE_KEY"
"""Environment variable with the key of the service that the section ``remote`` names."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key that does not show itself, and where it comes from."""

    secret: SecretStr
    source: str


def base_url(asked: ServerSettings) -> str:
    """Return where a server is; empty for an engine that has none."""
    name = _name(asked)
    return asked.base_url or (OWN[name].base_url if name in OWN else "")


def server_address(asked: ServerSettings) -> Address:
    """Return the address of a server; raises SettingsError."""
    return parse_address(base_url(asked), asked.section)


def _name(asked: ServerSettings) -> str:
    return asked.name if isinstance(asked, EngineSettings) else asked.section


def account(asked: ServerSettings) -> str:
    """Return the name under which the keyring keeps a server's key; raises SettingsError."""
    return f"{_name(asked)} {server_address(asked).origin}" if base_url(asked) else _name(asked)


async def find_key(asked: ServerSettings, *, in_keyring: bool = True) -> Key | None:
    """Return the key for an engine's server, or None where there is none; look into the keyring where that is wanted.

    Raises EngineUnusable where the one that is named cannot be had, and SettingsError for a wrong address.
    """
    if asked.key_command:
        return _key(await _told(asked.key_command), f"the command {asked.key_command[0]} ({asked.section}.key_command)")
    if asked.key_env:
        if value := os.environ.get(asked.key_env):
            return _key(value, f"the environment variable {asked.key_env}")
        raise EngineUnusable(f"the environment variable {asked.key_env} is not set ({asked.section}.key_env)")
    return _from_usual_variable(asked) or (await _from_keyring(asked) if in_keyring else None)


def missing_key(asked: ServerSettings) -> str:
    """Return what to do where there is no key; empty for a server that may want none."""
    own = _own(asked)
    name = _name(asked)
    return f"{name} needs a key: run `codetune keys set {name}`, or set {own.variables[0]}" if own else ""


def _own(asked: ServerSettings) -> Own | None:
    """Return who issues the engine's keys, if it is who will be asked."""
    own = OWN.get(_name(asked))
    if own is None or parse_address(base_url(asked)).origin != parse_address(own.base_url).origin:
        return None
    return own


def _from_usual_variable(asked: ServerSettings) -> Key | None:
    own = _own(asked)
    variables = own.variables if own else (REMOTE_KEY,) if isinstance(asked, RemoteSettings) else ()
    found = next((name for name in variables if os.environ.get(name)), None)
    return _key(os.environ[found], f"the environment variable {found}") if found else None


async def _from_keyring(asked: ServerSettings) -> Key | None:
    value = await _unlocked(lambda: _keyring_get(account(asked)))
    return _key(value, "the keyring") if value else None


async def store_key(asked: ServerSettings, value: str) -> None:
    """Put an engine's key into the keyring; raises EngineUnusable where there is none, or the text is no key."""
    key, name = _key(value, "what was given"), account(asked)
    await _unlocked(lambda: _keyring_set(name, key.secret.get_secret_value(), asked.section))


async def remove_key(asked: ServerSettings) -> bool:
    """Take an engine's key out of the keyring; return whether there was one."""
    name = account(asked)
    if not await _unlocked(lambda: _keyring_get(name)):
        return False
    await _unlocked(lambda: _keyring_delete(name))
    return True


class KeyHolder:
    """Remembers an engine's key until the server says that it is wrong.

    The keyring, which may be locked and ask its user for a password, is left alone until a server that may want no key
    has said that it wants one; a service wants one, and counts who comes without.
    """

    def __init__(self, asked: ServerSettings) -> None:
        self._asked = asked
        self._in_keyring = bool(missing_key(asked)) or isinstance(asked, RemoteSettings)
        self._found: list[Key | None] = []
        self._lock = asyncio.Lock()

    async def key(self) -> Key | None:
        """Return the key; raises what `find_key` raises."""
        async with self._lock:
            if not self._found:
                self._found = [await find_key(self._asked, in_keyring=self._in_keyring)]
            return self._found[0]

    async def look_further(self) -> bool:
        """Look into the keyring as well; return whether there is a key now."""
        if not self._in_keyring:
            self._in_keyring, self._found = True, []
        return await self.key() is not None

    def forget(self) -> None:
        """Look for it anew next time: it may have been replaced."""
        self._found = []


def redacted(text: str, key: Key | None) -> str:
    """Return a text without the key."""
    return text.replace(key.secret.get_secret_value(), _HIDDEN) if key else text


def _key(value: str, source: str) -> Key:
    text = value.strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise EngineUnusable(f"what {source} holds is no key: it must be one line of ASCII characters without blanks")
    return Key(SecretStr(text), source)


async def _told(command: tuple[str, ...]) -> str:
    try:
        child = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise EngineUnusable(f"the command {command[0]} for the key cannot be run: {error}") from error
    try:
        async with asyncio.timeout(_SECONDS):
            output, _ = await child.communicate()
    except TimeoutError as error:
        raise EngineUnusable(f"the command {command[0]} printed no key within {_SECONDS} seconds") from error
    finally:
        await _end(child)
    if child.returncode:
        # What it printed is not repeated: it may be the key.
        raise EngineUnusable(f"the command {command[0]} for the key failed with exit code {child.returncode}")
    return output.decode("utf-8", "replace").strip().partition("\n")[0]


async def _end(child: asyncio.subprocess.Process) -> None:
    if child.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()


async def _unlocked(work: Callable[[], T]) -> T:
    try:
        async with asyncio.timeout(_SECONDS):
            return await asyncio.to_thread(work)
    except TimeoutError as error:
        raise EngineUnusable(f"the system's keyring did not answer within {_SECONDS} seconds: unlock it") from error


def _keyring_get(name: str) -> str | None:
    import keyring  # noqa: PLC0415 - it looks for its backends when imported
    from keyring.errors import KeyringError, NoKeyringError  # noqa: PLC0415

    try:
        return keyring.get_password(_SERVICE, name)
    except NoKeyringError:
        return None
    except KeyringError as error:
        raise EngineUnusable(f"the system's keyring cannot be read: {error}") from error


def _keyring_set(name: str, value: str, section: str) -> None:
    import keyring  # noqa: PLC0415
    from keyring.errors import KeyringError, NoKeyringError  # noqa: PLC0415

    try:
        keyring.set_password(_SERVICE, name, value)
    except NoKeyringError as error:
        hint = f"name an environment variable in {section}.key_env"
        raise EngineUnusable(f"this system has no keyring: {hint}") from error
    except KeyringError as error:
        raise EngineUnusable(f"the system's keyring takes no key: {error}") from error


def _keyring_delete(name: str) -> None:
    import keyring  # noqa: PLC0415

    keyring.delete_password(_SERVICE, name)
