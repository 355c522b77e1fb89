"""Reviews with a model: after a save, by ``codetune.reviewWithModel``, and of what is selected."""

from typing import TYPE_CHECKING
from urllib.parse import unquote

from lsprotocol import types

from codetune_core.domain.finding import Finding, Standing
from codetune_server import from_proto, to_proto
from codetune_server.backend import Backend
from codetune_server.errors import changed, failed, not_open
from codetune_server.offers import ASKING, is_wanted, model_name
from codetune_server.progress import progress
from codetune_server.session import State
from codetune_server.subject import Subject

if TYPE_CHECKING:
    from codetune_core.model_reviewer.progress import ModelReview

COMMAND = "codetune.reviewWithModel"
_NOBODY = "No model is set for reviews: set engine.name in your codetune.toml. `codetune doctor` says what there is."


def opened(backend: Backend, key: str) -> None:
    """Note the text, and show again what a model said of it before."""
    if subject := backend.session.subject(key):
        backend.session.opened[unquote(subject.document.uri)] = subject.document
        if backend.judging:
            backend.judging.opened(subject.document.uri)


async def saved(backend: Backend, key: str) -> None:
    """Have the present text reviewed with a model, where the settings say so and somebody answers."""
    subject = backend.session.subject(key)
    if subject and await _mode(backend, subject) == "save":
        (await backend.judge()).saved(subject.document.uri)


def edited(backend: Backend) -> None:
    """Let no model work on code that is no more."""
    if backend.judging:
        backend.judging.edited()


def closed(backend: Backend, key: str) -> None:
    """Let no model work on what is closed."""
    backend.session.opened.pop(unquote(key), None)
    if backend.judging:
        backend.judging.closed(key)


async def entries(backend: Backend, params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:
    """The entry for a selection, from what is known at this moment."""
    uri, chosen, only = params.text_document.uri, params.range, params.context.only
    state, model = backend.session.state(uri), backend.catalogue.reviewer if backend.catalogue else None
    if chosen.start == chosen.end or state is None or state.review.skipped or model is None:
        return []
    if not is_wanted(ASKING, only) or await _mode(backend, state.subject) == "off":
        return []
    command = types.Command(f"Review this selection with {model_name(model)}", COMMAND, arguments=[uri, chosen])
    return [to_proto.entry(command, ASKING, backend.client, by_model=True)]


async def review_with_model(
    backend: Backend,
    uri: str,
    range: types.Range | None = None,  # noqa: A002 - the protocol's word
) -> dict[str, int]:
    """Review an open document, or the functions that a range touches; answers how much came of it."""
    subject, judge = backend.session.subject(uri), await backend.judge()
    if subject is None:
        raise not_open()
    part = subject.document if unquote(uri) == unquote(subject.document.uri) else subject.part(uri)
    if part is None:
        raise failed("Of a notebook, only the cells with Python are reviewed.")
    if await _mode(backend, subject) == "off":
        raise failed("Your settings switch reviews with a model off (review.model).")
    if await judge.model() is None:
        raise failed(backend.status.why_nobody or _NOBODY)
    place = subject.whole(part, from_proto.range_(part, range, backend.encoding)) if range else None
    async with progress(backend.server, f"CodeTune reviews {part.name}") as shown:

        def tell(said: "ModelReview") -> None:
            if said.asked:
                shown.report(f"{said.answered} of {said.asked}", 100 * said.answered // said.asked)

        state = await _reviewed(backend, uri)
        if place and state.subject != subject:  # it is of a text that is no more
            raise changed()
        return await judge.review(state, place, tell)


def dismissed(backend: Backend, finding: Finding, reason: str) -> None:
    """Tell what became of a model's answer whose finding is set aside; one that it doubted is set aside as it said."""
    verdict = finding.verdict
    if verdict is None or verdict.standing is Standing.DOUBTFUL:
        return
    backend.outcomes.rejected(verdict.execution_id, reason)
    if verdict.standing is Standing.NEW:
        backend.outcomes.judged(finding.rule.id, finding.confidence, accepted=False)


async def _mode(backend: Backend, subject: Subject) -> str:
    """When a model reviews."""
    return (await (await backend.service()).holding(subject.document)).settings.review.model


async def _reviewed(backend: Backend, uri: str) -> State:
    """What the detectors say of the present text."""
    key = backend.session.key(uri)
    state = backend.session.state(key)
    if state is None or not state.thorough or state.subject != backend.session.subject(key):
        backend.scheduler.now(key, thorough=True)
        await backend.scheduler.complete(key)
        state = backend.session.state(key)
    if state is None or state.subject != backend.session.subject(key):
        raise failed("The text was not reviewed, so no model was asked.")
    if state.review.skipped:
        raise failed(f"This file is not reviewed: {state.review.skipped}")
    return state
