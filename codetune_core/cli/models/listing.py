"""``codetune models list``: the models there are, what of them is here, what each serves, and which are loaded."""

import asyncio
from typing import TYPE_CHECKING, Any

import click

from codetune_core.cli.models.options import FORMAT

if TYPE_CHECKING:
    from codetune_core.domain.execution import Role
    from codetune_core.models.here import Here
    from codetune_core.models.spec import ModelSpec


@click.command("list", short_help="Models of the catalogue, and which of them serve here.")
@FORMAT
def list_models(format_name: str) -> None:
    """List the models of the catalogue, with what is here of them and what they serve; then those that are loaded.

    Your own come first; they are in the file that the setting models.catalogue names, by default models.yaml in your
    configuration folder. A licence marked with * has terms that you accept before the first load.

    \b
    codetune models list
    codetune models list --format json | jq -r '.models[] | select(.state == "ready") | .name'
    """  # noqa: D301 - the backspace is click's
    from codetune_core.cli.loaded_models import loaded_as_json, loaded_as_text, loaded_models  # noqa: PLC0415
    from codetune_core.cli.models.settings import ended, opened  # noqa: PLC0415 - `--help` does not wait for it
    from codetune_core.cli.prompts.as_json import write_json  # noqa: PLC0415
    from codetune_core.models.here import look, roles_served  # noqa: PLC0415

    def work() -> None:
        settings, catalogue = opened()
        served = roles_served(settings)
        rows = [(spec, look(spec), served.get(spec.name, [])) for spec in catalogue.models.values()]
        loaded = asyncio.run(loaded_models(settings))
        if format_name == "json":
            models = [_entry(*row, own=row[0].name in catalogue.own) for row in rows]
            write_json({"models": models, "loaded": loaded_as_json(loaded)})
        else:
            _write(rows)
            lines = ["", "* terms that you accept before the first load: codetune models info MODEL"]
            lines += [f"loaded: {line}" for line in loaded_as_text(loaded)]
            click.echo("\n".join(lines))

    ended(work)


def _entry(spec: "ModelSpec", here: "Here", serves: "list[Role]", *, own: bool) -> dict[str, Any]:
    return {
        "name": spec.name,
        "id": spec.id,
        "kind": spec.kind,
        "roles": list(spec.roles),
        "parameters": spec.architecture.parameters if spec.architecture else None,
        "context_tokens": spec.context_tokens,
        "licence": spec.licence.name,
        "accept": spec.licence.accept,
        "state": here.state,
        "folder": str(here.folder) if here.folder else None,
        "copies": {each: str(folder) for each, folder in here.copies.items()},
        "serves": list(serves),
        "own": own,
        "about": spec.about,
    }


def _write(rows: "list[tuple[ModelSpec, Here, list[Role]]]") -> None:
    from rich.text import Text  # noqa: PLC0415 - only where text is printed

    from codetune_core.cli.formats.visible import visible  # noqa: PLC0415
    from codetune_core.cli.prompts.as_text import console, table  # noqa: PLC0415

    made = table("name", "for", "parameters", "licence", "here", "serves", right=("parameters",))
    made.columns[0].no_wrap = True  # a name is there to be copied
    for spec, here, serves in rows:
        made.add_row(
            Text(visible(spec.name), "bold"),
            ", ".join(spec.roles),
            size(spec),
            visible(spec.licence.name) + ("*" if spec.licence.accept else ""),
            "no" if here.state == "absent" else here.state,
            ", ".join(serves),
        )
    console().print(made)


def size(spec: "ModelSpec") -> str:
    """Return how many parameters a model has, for people."""
    if spec.architecture is None:
        return "?"
    count = spec.architecture.parameters
    return f"{count / 1e9:.1f} B" if count >= 1e9 else f"{count / 1e6:.0f} M"  # noqa: PLR2004 - a billion
