"""Which editors are offered completions, by which method, and when: once it is known that a model completes."""

from functools import partial
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from codetune_server.backend import Backend
from codetune_server.features.completion import TRIGGERS, completion
from codetune_server.features.inline_completion import inline_completion, is_offered

if TYPE_CHECKING:
    from collections.abc import Callable


def offer_at_once(backend: Backend) -> None:
    """Offer them to an editor that cannot be told later; it is answered with nothing as long as nobody completes."""
    client = backend.client
    if client.inline_completions and not client.registers_inline_completions:
        _handle(backend, types.TEXT_DOCUMENT_INLINE_COMPLETION, inline_completion, types.InlineCompletionOptions())
    elif client.completions and not (client.inline_completions or client.registers_completions):
        options = types.CompletionOptions(trigger_characters=TRIGGERS)
        _handle(backend, types.TEXT_DOCUMENT_COMPLETION, completion, options)


async def offer_when_known(backend: Backend) -> None:
    """Offer them to an editor that can be told later, as soon as it is known that a model completes."""
    (await backend.learn_prompts()).listeners.append(partial(_learnt, backend))


def _learnt(backend: Backend) -> None:
    if is_offered(backend):
        backend.in_background(_register(backend))


async def _register(backend: Backend) -> None:
    folder = next(iter(backend.session.folders), None)
    found = _method(backend)
    if found is None or not (await (await backend.service()).holding_of(folder)).settings.completion.enabled:
        return
    method, handler, options = found
    if method in backend.server.protocol.fm.features:
        return
    _handle(backend, method, handler)
    wanted = types.RegistrationParams([types.Registration(f"codetune {method}", method, options)])
    await backend.server.ask(backend.server.client_register_capability_async(wanted))


def _method(backend: Backend) -> "tuple[str, Callable[..., Any], object] | None":
    """Which method this editor is to be told of, what answers, and with which options."""
    client = backend.client
    if client.registers_inline_completions:
        inline = types.InlineCompletionRegistrationOptions()
        return types.TEXT_DOCUMENT_INLINE_COMPLETION, inline_completion, inline
    if client.registers_completions and not client.inline_completions:
        options = types.CompletionRegistrationOptions(trigger_characters=TRIGGERS)
        return types.TEXT_DOCUMENT_COMPLETION, completion, options
    return None


def _handle(backend: Backend, method: str, handler: "Callable[..., Any]", options: Any = None) -> None:
    backend.server.feature(method, options)(partial(handler, backend))
