"""The token for Hugging Face, and to whom it may be sent."""

import asyncio

from codetune_core.errors import EngineUnusable
from codetune_core.http.address import parse_address
from codetune_core.http.keys import OWN, Key, base_url, find_key
from codetune_core.sections import EngineSettings

_ENDPOINTS = ".endpoints.huggingface.cloud"
_PAGE = "https://huggingface.co/settings/tokens"


async def find_token(asked: EngineSettings) -> Key | None:
    """Return the token for the server that the settings name; None where a server of one's own needs none.

    Asked in this order: ``key_command``, ``key_env``, HF_TOKEN, the keyring, the login of ``hf auth login``. HF_TOKEN
    and the login are for Hugging Face's own servers only. Raises EngineUnusable where a token is missing or no token
    of Hugging Face, before anything is sent.
    """
    address = parse_address(base_url(asked))
    router = parse_address(OWN["huggingface"].base_url)
    if address.origin == router.origin:
        return _checked(await find_key(asked) or await _login())
    # A keyring may be locked and ask its user for a password, which no server on this machine is worth.
    key = await find_key(asked, in_keyring=not address.is_this_machine)
    if key or not (address.is_encrypted and address.host.endswith(_ENDPOINTS)):
        return key
    return await find_key(asked.model_copy(update={"base_url": ""})) or await _login()


def _checked(key: Key | None) -> Key:
    if key is None:
        raise EngineUnusable(
            f"the engine huggingface needs a token: make one at {_PAGE} that may call Inference Providers, and set"
            " HF_TOKEN, or run `hf auth login` or `codetune keys set huggingface`"
        )
    if not key.secret.get_secret_value().startswith("hf_"):
        raise EngineUnusable(
            f"what {key.source} holds is no token of Hugging Face, which begins with hf_: make one at {_PAGE}; with a"
            " provider's own key use the engine openai and the provider's address"
        )
    return key


async def _login() -> Key | None:
    """Return the token that ``hf auth login`` stored."""
    from huggingface_hub import get_token  # noqa: PLC0415 - heavy
    from pydantic import SecretStr  # noqa: PLC0415

    found = await asyncio.to_thread(get_token)
    return Key(SecretStr(found), "the login of `hf auth login`") if found else None
