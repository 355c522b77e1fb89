"""What a command needs to find before it can begin: the version that a reference means, and somebody to ask."""

from collections.abc import Sequence

from codetune_core.cli.prompts.options import Reference
from codetune_core.domain.deployment import PRODUCTION
from codetune_core.domain.execution import Role
from codetune_core.domain.prompt import PromptVersion
from codetune_core.engines.protocol import Engine
from codetune_core.engines.registry import UNSET
from codetune_core.errors import NobodyAnswers, PromptError, SettingsError
from codetune_core.prompts.library import PromptLibrary
from codetune_core.settings import Settings


async def numbered(library: PromptLibrary, meant: Reference) -> Reference:
    """Return a reference with a number: that of the version in production where it has none."""
    if meant.number is not None:
        return meant
    state = (await library.states(meant.name)).get(PRODUCTION)
    if state is None:
        raise PromptError(f"no version of {meant.name!r} is in production: write {meant.name}@ and a number")
    return Reference(meant.name, state.stands.number)


async def standing_or_newest(library: PromptLibrary, meant: Reference) -> PromptVersion:
    """Return the version that is meant: the numbered one, the one in production, or else the newest."""
    if meant.number is not None:
        return await library.version(meant.name, meant.number)
    if state := (await library.states(meant.name)).get(PRODUCTION):
        return await library.version(meant.name, state.stands.number)
    return (await library.versions(meant.name))[0]


async def newest(library: PromptLibrary, meant: Reference) -> Reference:
    """Return a reference to a prompt's newest version."""
    return Reference(meant.name, (await library.versions(meant.name))[0].number)


async def expect_engine(
    settings: Settings, engine: Engine, role: Role, *, model: str = "", ways: Sequence[str] = ()
) -> None:
    """Raise SettingsError where nobody answers for a role: a line that says why, and one for each way out of it."""
    if settings.engine.name in UNSET:
        try:
            await engine.model(model or settings.engine.model, role)
        except NobodyAnswers as error:
            raise SettingsError("\n- ".join((error.why, *error.ways, *ways))) from None
