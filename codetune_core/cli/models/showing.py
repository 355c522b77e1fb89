"""``codetune models info``: everything that is known of a model."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codetune_core.cli.models.options import FORMAT

if TYPE_CHECKING:
    from codetune_core.models.here import Here
    from codetune_core.models.spec import ModelSpec


@click.command(short_help="Everything that is known of a model.")
@click.argument("name", metavar="MODEL")
@FORMAT
def info(name: str, format_name: str) -> None:
    """Say everything that is known of a model: its sizes, how it is prompted, its terms, and where its files are.

    MODEL is a name of `codetune models list`, a Hugging Face id or the path of a folder. One that is not in the
    catalogue is described by its own files.

    \b
    codetune models info Qwen2.5-Coder-7B-Instruct
    codetune models info ./my-model --format json
    """  # noqa: D301 - the backspace is click's
    from codetune_core.cli.models.settings import ended, opened  # noqa: PLC0415 - `--help` does not wait for it
    from codetune_core.cli.prompts.as_json import write_json  # noqa: PLC0415
    from codetune_core.models.catalogue import with_sizes  # noqa: PLC0415
    from codetune_core.models.here import look  # noqa: PLC0415
    from codetune_core.models.licences import licence_accepted  # noqa: PLC0415

    def work() -> None:
        _, catalogue = opened()
        spec = with_sizes(catalogue.find(name))
        here, accepted = look(spec), licence_accepted(spec)
        if format_name == "json":
            copies = {each: str(folder) for each, folder in here.copies.items()}
            files = {"state": here.state, "folder": str(here.folder) if here.folder else None, "copies": copies}
            write_json({**spec.model_dump(mode="json"), "accepted": accepted, "here": files})
            return
        rows = [*_about(spec), *_terms(spec, accepted=accepted), *_files(spec, here)]
        width = max(len(label) for label, _ in rows)
        for label, text in rows:
            click.echo(f"{label:<{width}}  {text}")

    ended(work)


def _about(spec: "ModelSpec") -> Iterator[tuple[str, str]]:
    from codetune_core.cli.formats.visible import visible  # noqa: PLC0415

    yield "name", visible(spec.name)
    yield "id", visible(spec.id)
    yield "about", visible(spec.about)
    yield (
        "revision",
        spec.revision or ("that of its files" if Path(spec.id).is_absolute() else "pinned at the first pull"),
    )
    yield "kind", spec.kind
    yield "for", ", ".join(spec.roles) or "nothing by itself"
    yield "context", f"{spec.context_tokens:,} tokens"
    if sizes := spec.architecture:
        yield "parameters", f"{sizes.parameters:,}, of which {sizes.embedding_parameters:,} are never quantized"
        yield (
            "layers",
            f"{sizes.layers}, with {sizes.kv_heads} heads of keys and values of {sizes.head_dim} numbers each",
        )
    else:
        yield "parameters", "known once it is pulled"
    yield "loaded as", ", ".join(spec.quantizations)
    yield "prompt", spec.prompt_format.replace("_", " ")
    if spec.infill:
        yield "infill", f"{spec.infill.prefix} {spec.infill.suffix} {spec.infill.middle}"
    if spec.stops or spec.stop_token_ids:
        yield "stops", ", ".join([*(repr(stop) for stop in spec.stops), *(str(each) for each in spec.stop_token_ids)])


def _terms(spec: "ModelSpec", *, accepted: bool) -> Iterator[tuple[str, str]]:
    from codetune_core.cli.formats.visible import visible  # noqa: PLC0415

    yield "licence", visible(f"{spec.licence.name} {spec.licence.url}".strip())
    if spec.licence.terms:
        yield "terms", visible(spec.licence.terms)
    if spec.licence.accept:
        yield "accepted", "yes" if accepted else "not yet: they are shown before the first load"


def _files(spec: "ModelSpec", here: "Here") -> Iterator[tuple[str, str]]:
    state = {
        "ready": "ready to be loaded",
        "absent": f"not on this machine: codetune models pull {spec.name}",
        "pickled": f"pickled weights only: codetune models convert {spec.name}",
        "partial": f"not all here: codetune models pull {spec.name}",
    }
    yield "files", state[here.state]
    if here.folder:
        yield "folder", str(here.folder)
    for quantization, folder in here.copies.items():
        yield f"copy as {quantization}", str(folder)
