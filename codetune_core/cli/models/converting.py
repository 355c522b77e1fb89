"""``codetune models convert``: safetensors of pickled weights, and weights quantized beforehand."""

from typing import TYPE_CHECKING, Any

import click

from codetune_core.cli.models.options import FORMAT

if TYPE_CHECKING:
    from codetune_core.models.spec import ModelSpec
    from codetune_core.settings import Settings


@click.command(short_help="Make safetensors of pickled weights, or quantize them beforehand.")
@click.argument("name", metavar="MODEL")
@click.option(
    "--to",
    "form",
    type=click.Choice(["safetensors", "nf4"]),
    help="What to make; by default what is missing to load it.",
)
@FORMAT
def convert(name: str, form: str | None, format_name: str) -> None:
    """Make a copy of a model that loads safely, or fast.

    Pickled weights (pytorch_model.bin) are never loaded, because reading them can run code. `--to safetensors` reads
    them once, tensors only, in a process without network, without programs and with one folder to write to, and
    compares each tensor. `--to nf4` writes the weights quantized, so that later loads read a quarter of the bytes and
    quantize nothing. Copies lie in your data folder and go before the published files.

    \b
    codetune models convert WhiteRabbitNeo-33B-v1            safetensors, where it has only pickle
    codetune models convert WhiteRabbitNeo-33B-v1 --to nf4   18 GB to load and not 67
    """  # noqa: D301 - the backspace is click's
    from codetune_core.cli.models.progress import shown  # noqa: PLC0415 - `--help` does not wait for it
    from codetune_core.cli.models.settings import ended, opened  # noqa: PLC0415
    from codetune_core.cli.prompts.as_json import write_json  # noqa: PLC0415
    from codetune_core.models.convert import convert as unpickle  # noqa: PLC0415
    from codetune_core.models.here import look  # noqa: PLC0415

    def work() -> None:
        settings, catalogue = opened()
        spec = catalogue.find(name)
        made: list[dict[str, Any]] = []
        with shown(in_bytes=False) as on_progress:
            if form != "nf4" or look(spec).state == "pickled":
                found = unpickle(spec, lambda done, total: on_progress("converting", done, total))
                made.append({"to": found.quantization, "folder": str(found.folder), "sandbox": list(found.sandbox)})
            if form == "nf4":
                made.append({"to": "nf4", "folder": _quantize(spec, settings, on_progress)})
        if format_name == "json":
            write_json({"name": spec.name, "made": made})
            return
        for each in made:
            click.echo(f"{spec.name} as {each['to']}: {each['folder']}")
            if held := each.get("sandbox"):
                click.echo(f"read with {'; '.join(held)}")

    ended(work)


def _quantize(spec: "ModelSpec", settings: "Settings", on_progress: Any) -> str:
    """Write a model in NF4 in a process of its own; return the folder, and raise SettingsError where it cannot be."""
    import json  # noqa: PLC0415
    import subprocess  # noqa: PLC0415
    import sys  # noqa: PLC0415

    from codetune_core.domain.execution import Role  # noqa: PLC0415
    from codetune_core.errors import SettingsError  # noqa: PLC0415
    from codetune_core.models.choose import load_plan  # noqa: PLC0415
    from codetune_core.models.files import converted_folder  # noqa: PLC0415
    from codetune_core.models.spec import Quantization  # noqa: PLC0415

    models = settings.models.model_copy(update={"quantization": "nf4", "context_tokens": None})
    plan = load_plan(spec.id, Role.GENERATION, settings.model_copy(update={"models": models}))
    folder = converted_folder(spec, Quantization.NF4)
    if plan.quantization is not Quantization.NF4:
        raise SettingsError(f"{spec.name} is not offered as nf4 ({', '.join(spec.quantizations)})")
    if plan.prequantized:
        raise SettingsError(f"{spec.name} is there as nf4 already: {plan.folder}")
    command = [sys.executable, "-m", "codetune_core.engines.transformers.process.quantize", str(folder)]
    told: dict[str, Any] = {}
    with subprocess.Popen(  # noqa: S603 - our own module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as child:
        if child.stdin:
            child.stdin.write(plan.model_dump_json())
            child.stdin.close()
        for line in child.stdout or ():
            told = json.loads(line)
            if told["type"] == "loading":
                on_progress(told["stage"], told["part"], 1)
    if child.returncode:
        why = told.get("message") or f"its process ended with {child.returncode}"
        raise SettingsError(f"{spec.name} could not be quantized: {why}")
    return str(folder)
