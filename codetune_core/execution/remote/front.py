"""Who stands before a service: Hugging Face before a Space, which wants a token of its own for a private one."""

import asyncio
from collections.abc import Mapping

from codetune_core.http.address import Address
from codetune_core.http.keys import Key, find_key, redacted
from codetune_core.sections import EngineSettings
from codetune_core.service_sections import RemoteSettings

_SPACES = ".hf.space"
_WANTS_TOKEN = {401, 403, 404}
"""What Hugging Face answers for a private Space: 404 to who may not know that it is there."""


class Front:
    """A Space's front; the token goes to it only once it has refused to let a request through without.

    ``space`` is the Space's ``owner/name``, empty where only its address is known; ``host`` the first part of that.
    """

    def __init__(self, space: str, host: str) -> None:
        self.space = space
        self.host = host
        self._token: Key | None = None
        self._has_looked = False

    @property
    def headers(self) -> Mapping[str, str]:
        """What carries the token; nothing while none was wanted."""
        return {"Authorization": f"Bearer {self._token.secret.get_secret_value()}"} if self._token else {}

    @property
    def sends_token(self) -> bool:
        """Whether a token was wanted, and found."""
        return self._token is not None

    def redacted(self, text: str) -> str:
        """Return a text without the token."""
        return redacted(text, self._token)

    async def look_further(self, status: int) -> bool:
        """Look for a token after a refusal; return whether there is one that was not sent yet.

        HF_TOKEN goes first, then the keyring (``codetune keys set huggingface``), then ``hf auth login``.
        """
        if status not in _WANTS_TOKEN or self._has_looked:
            return False
        self._has_looked = True
        self._token = await find_token()
        return self.sends_token


async def find_token() -> Key | None:
    """Return the user's token for Hugging Face; None where there is none."""
    return await find_key(EngineSettings(name="huggingface")) or await _login()


def front_of(asked: RemoteSettings, address: Address) -> Front | None:
    """Return the front of a service that is a Space; None for any other, which never gets a token."""
    if not (address.is_encrypted or address.is_this_machine):
        return None
    on_spaces = address.host.endswith(_SPACES)
    if not (asked.space or on_spaces):
        return None
    return Front(asked.space, address.host.removesuffix(_SPACES) if on_spaces else "")


async def _login() -> Key | None:
    """Return the token that ``hf auth login`` stored."""
    from huggingface_hub import get_token  # noqa: PLC0415 - heavy
    from pydantic import SecretStr  # noqa: PLC0415

    found = await asyncio.to_thread(get_token)
    return Key(SecretStr(found), "the login of `hf auth login`") if found else None
