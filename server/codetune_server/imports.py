"""What is imported only when it is first needed, for a quick start: to be called in a thread."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from codetune_server.completing.service import Completing
    from codetune_server.judging.judge import Judge
    from codetune_server.mending.climbing import Ended
    from codetune_server.outcomes.watcher import Watcher
    from codetune_server.prompt_runs import PromptRuns
    from codetune_server.prompted.actions import Means
    from codetune_server.prompted.catalogue import Catalogue
    from codetune_server.review_service import ReviewService
    from codetune_server.workspace_review import WorkspaceReview


def review_service() -> "type[ReviewService]":
    """What reviews what is open."""
    from codetune_server.review_service import ReviewService  # noqa: PLC0415 - not before `initialize` is answered

    return ReviewService


def workspace_review() -> "type[WorkspaceReview]":
    """What reviews files that are not open."""
    from codetune_server.workspace_review import WorkspaceReview  # noqa: PLC0415 - not before it is asked for

    return WorkspaceReview


def prompt_runs() -> "type[PromptRuns]":
    """What runs prompts, of 12 MB."""
    from codetune_server.prompt_runs import PromptRuns  # noqa: PLC0415 - not before a model is asked

    return PromptRuns


def catalogue() -> "type[Catalogue]":
    """What learns which prompts are offered."""
    from codetune_server.prompted.catalogue import Catalogue  # noqa: PLC0415 - not before `initialize` is answered

    return Catalogue


def judge() -> "type[Judge]":
    """What has models review."""
    from codetune_server.judging.judge import Judge  # noqa: PLC0415 - not before a model reviews

    return Judge


def completing() -> "type[Completing]":
    """What completes."""
    from codetune_server.completing.service import Completing  # noqa: PLC0415 - not before a model completes

    return Completing


def means() -> "type[Means]":
    """What runs the entries of prompts."""
    from codetune_server.prompted.actions import Means  # noqa: PLC0415 - not before one is chosen

    return Means


def fix() -> "Callable[..., Coroutine[Any, Any, Ended]]":
    """What has a model mend a finding."""
    from codetune_server.mending.fix import fix as recipe  # noqa: PLC0415 - not before it is asked for

    return recipe


def watcher() -> "type[Watcher]":
    """What looks for what became of edits."""
    from codetune_server.outcomes.watcher import Watcher  # noqa: PLC0415 - not before a model has answered

    return Watcher
