"""Says in words what the Hugging Face Hub means when it does not give a model."""

from collections.abc import Iterator
from contextlib import contextmanager

from codetune_core.errors import SettingsError
from codetune_core.models.spec import ModelSpec

_TOKEN = "`hf auth login`, or HF_TOKEN with a token"  # noqa: S105 - what to do


@contextmanager
def said(spec: ModelSpec) -> Iterator[None]:
    """Turn what huggingface_hub raises into a SettingsError that says what to do."""
    from huggingface_hub import errors  # noqa: PLC0415 - takes its time

    try:
        yield
    except errors.GatedRepoError as error:
        text = f"{spec.id} is gated: accept its terms on its page of the Hub, then {_TOKEN} of that account"
        raise SettingsError(text) from error
    except errors.RepositoryNotFoundError as error:
        raise SettingsError(f"the Hub has no model {spec.id}, or it is private: {_TOKEN} that may read it") from error
    except errors.RevisionNotFoundError as error:
        raise SettingsError(f"{spec.id} has no revision {spec.revision} on the Hub any more") from error
    except errors.OfflineModeIsEnabled as error:
        raise SettingsError("HF_HUB_OFFLINE is set, so nothing is pulled: unset it") from error
    except errors.HfHubHTTPError as error:
        code = error.response.status_code if error.response is not None else "no"
        text = f"the Hub answered {code} when {spec.id} was asked for; what came so far is kept: try again"
        raise SettingsError(text) from error
    except errors.HFValidationError as error:
        raise SettingsError(f"{spec.id!r} is no Hugging Face id, such as owner/name: {error}") from error
    except OSError as error:
        text = f"{spec.id} could not be pulled; what came so far is kept, and the next pull goes on from there: {error}"
        raise SettingsError(text) from error
    except Exception as error:
        if type(error).__module__.startswith(("httpx", "httpcore")):
            raise SettingsError(
                f"the Hub cannot be reached ({error or type(error).__name__}); what came so far is kept: try again"
            ) from error
        raise
