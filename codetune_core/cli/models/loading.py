"""``codetune models load`` and ``unload``: a model in memory, for every window and terminal."""

from typing import TYPE_CHECKING

import click

from codetune_core.cli.models.options import FORMAT

if TYPE_CHECKING:
    from codetune_core.engines.transformers.engine import TransformersEngine
    from codetune_core.models.catalogue import Catalogue
    from codetune_core.models.spec import ModelSpec
    from codetune_core.settings import Settings


@click.command(short_help="Load a model now, for every window and terminal.")
@click.argument("name", metavar="MODEL", required=False, default="")
@click.option(
    "--role",
    type=click.Choice(["review", "generation", "completion", "embedding", "rerank"]),
    help="Load the model that serves this role.",
)
@click.option("--accept-licence", is_flag=True, help="Accept its terms without being asked.")
@FORMAT
def load(name: str, role: str | None, format_name: str, *, accept_licence: bool) -> None:
    """Load a model into memory, in a process of its own that all editor windows and terminals share.

    Models load by themselves when they are first asked; this does it beforehand, and says what it took. The process
    ends when nobody used it for models.keep_loaded_seconds, or by `codetune models unload`. MODEL may name an adapter
    too, as model+adapter.

    \b
    codetune models load Qwen2.5-Coder-1.5B
    codetune models load --role review
    """  # noqa: D301 - the backspace is click's
    from codetune_core.cli.core import run  # noqa: PLC0415 - `--help` does not wait for it
    from codetune_core.cli.exit_codes import ExitCode  # noqa: PLC0415
    from codetune_core.cli.models.progress import shown  # noqa: PLC0415
    from codetune_core.cli.models.pulling import expect_accepted  # noqa: PLC0415
    from codetune_core.cli.models.settings import ended, opened  # noqa: PLC0415
    from codetune_core.cli.prompts.as_json import write_json  # noqa: PLC0415
    from codetune_core.domain.execution import Role  # noqa: PLC0415
    from codetune_core.models.adapters import split_adapter  # noqa: PLC0415

    if not name and not role:
        raise click.UsageError("Say which MODEL, or a --role.")
    settings: Settings

    def accepted() -> None:
        nonlocal settings
        settings, catalogue = opened()
        if name and (spec := known(catalogue, split_adapter(name)[0])):
            expect_accepted(spec, accept=accept_licence)

    async def work() -> ExitCode:
        engine = _engine(settings)
        try:
            meant = await engine.model(name, Role(role or "generation"))
            with shown(in_bytes=False) as on_progress:
                ready = await engine.load(
                    name, Role(role or "generation"), lambda each: on_progress(each.stage, each.part, 1)
                )
        finally:
            await engine.aclose()
        values = {"name": meant.name, "quantization": meant.quantization, **ready.model_dump(mode="json")}
        if format_name == "json":
            write_json({key: value for key, value in values.items() if key not in {"type", "protocol"}})
        else:
            click.echo(
                f"{meant.name} is loaded as {meant.quantization}: {size(ready.weights_bytes)} of weights, "
                f"{ready.context_tokens:,} tokens of context, in {ready.load_seconds:.1f} s"
            )
        return ExitCode.CLEAN

    ended(accepted)
    run(work)


@click.command(short_help="End a model's process, which frees its memory.")
@click.argument("name", metavar="MODEL", required=False, default="")
@click.option("--all", "everything", is_flag=True, help="Unload every model.")
@FORMAT
def unload(name: str, format_name: str, *, everything: bool) -> None:
    """Unload a model: its process ends, also where it answers somebody, and its memory is free.

    \b
    codetune models unload Qwen2.5-Coder-1.5B
    codetune models unload --all
    """  # noqa: D301 - the backspace is click's
    from codetune_core.cli.core import run  # noqa: PLC0415 - `--help` does not wait for it
    from codetune_core.cli.exit_codes import ExitCode  # noqa: PLC0415
    from codetune_core.cli.models.settings import opened  # noqa: PLC0415
    from codetune_core.cli.prompts.as_json import write_json  # noqa: PLC0415
    from codetune_core.engines.transformers.loads import unload as unload_models  # noqa: PLC0415
    from codetune_core.errors import SettingsError  # noqa: PLC0415

    if bool(name) == everything:
        raise click.UsageError("Say which MODEL, or --all.")

    async def work() -> ExitCode:
        settings, catalogue = opened()
        engine = _engine(settings)
        try:
            gone = await unload_models(engine, name, known(catalogue, name))
        finally:
            await engine.aclose()
        if not gone.models and not everything:
            raise SettingsError(f"{name} is not loaded; loaded are: {', '.join(gone.loaded) or 'none'}")
        if format_name == "json":
            write_json({"unloaded": gone.models, "processes": gone.processes})
        else:
            click.echo(f"unloaded: {', '.join(gone.models)}" if gone.models else "no model was loaded")
        return ExitCode.CLEAN

    run(work)


def size(count: int) -> str:
    """Return bytes for people."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"  # noqa: PLR2004 - a gigabyte


def known(catalogue: "Catalogue", name: str) -> "ModelSpec | None":
    """Return the model that is meant, None where none of that name is here any more."""
    from codetune_core.errors import SettingsError  # noqa: PLC0415

    try:
        return catalogue.find(name) if name else None
    except SettingsError:
        return None


def _engine(settings: "Settings") -> "TransformersEngine":
    from codetune_core.engines.transformers.engine import TransformersEngine  # noqa: PLC0415

    return TransformersEngine.from_settings(settings.engine, settings)
