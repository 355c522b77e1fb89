"""The Hugging Face Hub as these commands ask it, and its errors in words that say what to do."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from codetune_core.cli.exit_codes import ExitCode
from codetune_core.errors import CodeTuneError, SettingsError

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

NAME = click.argument("name", metavar="[OWNER/NAME]", required=False, default="")
_LOGIN = "`hf auth login`, or set HF_TOKEN to a token that may write"
_MEANINGS = {
    401: f"the Hub does not accept the token: {_LOGIN}",
    402: "this has to be paid for: Docker Spaces need a subscription (PRO, Team or Enterprise) or paid hardware, and "
    "that a payment method with credits. See the billing page of your account or organization",
    403: f"the token may not do this for that owner, or a quota is used up: {_LOGIN} there, or free the quota",
    404: f"there is no such Space, or the token may not see it: {_LOGIN}",
    409: "something else changes it at this moment: try again",
    413: "the upload is larger than the Hub takes",
    429: "the Hub was asked too often: try again in some minutes",
}


def open_hub() -> "HfApi":
    """Return the Hub's interface with the user's token; raises SettingsError where there is none."""
    from huggingface_hub import HfApi, get_token  # noqa: PLC0415 - `--help` does not wait for it

    token = get_token()
    if not token:
        raise SettingsError(f"this needs a token of Hugging Face: {_LOGIN}")
    return HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, token=token, library_name="codetune")


def meant(name: str) -> str:
    """Return the Space that is meant; raises SettingsError for a name that is none."""
    from codetune_core.cli.core import user_settings  # noqa: PLC0415

    name = name or user_settings().remote.space
    owner, slash, rest = name.partition("/")
    if not (owner and slash and rest) or "/" in rest:
        raise SettingsError("say which Space: OWNER/NAME, as an argument or in the setting remote.space")
    return name


def ended(work: Callable[[], ExitCode]) -> None:
    """Do the work and end the program with its code, with a message where it fails, with 130 after Ctrl-C."""
    import sys  # noqa: PLC0415

    try:
        with said():
            code = work()
    except CodeTuneError as error:
        click.echo(f"codetune: {error}", err=True)
        code = ExitCode.USAGE
    except KeyboardInterrupt:
        click.echo("codetune: stopped waiting; what the Hub has begun goes on: codetune space status", err=True)
        code = ExitCode.INTERRUPTED
    sys.exit(code)


@contextmanager
def said() -> Iterator[None]:
    """Turn what huggingface_hub raises into a SettingsError that says what to do."""
    from httpx2 import HTTPError  # noqa: PLC0415
    from huggingface_hub import errors  # noqa: PLC0415

    try:
        yield
    except errors.OfflineModeIsEnabled as error:
        raise SettingsError("HF_HUB_OFFLINE is set, so the Hub is not asked: unset it") from error
    except (errors.HFValidationError, errors.OIDCError) as error:
        raise SettingsError(str(error)) from error
    except errors.HfHubHTTPError as error:
        raise SettingsError(_explained(error)) from error
    except HTTPError as error:
        raise SettingsError(f"the Hub cannot be reached: {error or type(error).__name__}") from error


def _explained(error: "HfHubHTTPError") -> str:
    status = error.response.status_code if error.response is not None else 0
    meaning = _MEANINGS.get(status, f"the Hub answered {status or 'nothing'}")
    return f"{meaning} ({error.server_message})" if error.server_message else meaning
