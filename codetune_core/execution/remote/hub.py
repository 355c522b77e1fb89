"""What Hugging Face says of a Space: in which stage it is, and why."""

import asyncio
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codetune_core.errors import EngineUnusable
from codetune_core.execution.remote.faults import Unreachable
from codetune_core.execution.remote.front import Front, find_token
from codetune_core.http.keys import Key

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_OK, _UNAUTHORIZED, _PAYMENT = 200, 401, 402
_HIDDEN = {401, 403, 404}
_RENEW = "make a new one at https://huggingface.co/settings/tokens, and set HF_TOKEN or `codetune keys set huggingface`"


@dataclass(frozen=True, slots=True)
class Condition:
    """``stage`` is one of huggingface_hub.SpaceStage, or SLEEPING; ``error`` what the Hub says of it."""

    name: str
    stage: str
    error: str = ""


async def condition(front: Front) -> Condition | None:
    """Return how the Space behind an address is; None where the Hub cannot be asked.

    Raises EngineUnusable where the Hub does not accept the token, or shows the Space only to others.
    """
    token = await find_token()
    return await asyncio.to_thread(_asked, front, token)


def _asked(front: Front, token: Key | None) -> Condition | None:
    import httpx2  # noqa: PLC0415 - heavy, and only for a Space that does not answer
    from huggingface_hub import HfApi  # noqa: PLC0415
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled  # noqa: PLC0415

    secret = token.secret.get_secret_value() if token else False
    hub = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, token=secret, library_name="codetune")
    try:
        name = front.space or _name(hub, front.host)
        runtime = hub.get_space_runtime(name)
    except HfHubHTTPError as error:
        _raise_refused(front.space or front.host, token, error.response.status_code)
        return None
    except (httpx2.HTTPError, OfflineModeIsEnabled, ValueError, KeyError):
        return None
    return Condition(name, str(runtime.stage), str(runtime.raw.get("errorMessage") or ""))


def _name(hub: "HfApi", host: str) -> str:
    """Return ``owner/name`` of the Space with the address ``https://<host>.hf.space``."""
    from huggingface_hub import get_session  # noqa: PLC0415
    from huggingface_hub.errors import HfHubHTTPError  # noqa: PLC0415

    headers = {"Authorization": f"Bearer {hub.token}"} if hub.token else {}
    answer = get_session().get(f"{hub.endpoint}/api/spaces/by-subdomain/{host}", headers=headers)
    if answer.status_code != _OK:
        raise HfHubHTTPError(f"{answer.status_code}", response=answer)
    return str(answer.json()["id"])


def _raise_refused(space: str, token: Key | None, status: int) -> None:
    if status == _UNAUTHORIZED and token:
        expired = f"Hugging Face does not accept the token of {token.source}: it expired, or is wrong"
        raise EngineUnusable(f"{expired}: {_RENEW}")
    if status in _HIDDEN:
        may = "the token may not see it" if token else f"it is private, and there is no token: {_RENEW}"
        raise EngineUnusable(f"Hugging Face shows no Space {space}: the name is wrong (remote.space), or {may}")
    if status == _PAYMENT:
        raise Unreachable(f"the Space {space} has no quota or credit left: see its owner's billing page")
