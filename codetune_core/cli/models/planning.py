"""``codetune models plan``: what fits where, at which quantization and context."""

import click

from codetune_core.cli.models.options import FORMAT, CardSize

_MOST_TOGETHER = 4


@click.command(short_help="What fits this machine, or a card, at which quantization and context.")
@click.argument("names", metavar="[MODEL]...", nargs=-1)
@click.option("--gpu", type=CardSize(), help="Plan for a card of that memory instead of this machine, such as 24GB.")
@FORMAT
def plan(names: tuple[str, ...], gpu: int | None, format_name: str) -> None:
    """Say what weights, keys and values and everything else take, and what of it fits.

    Without a MODEL, a line for each of the catalogue, at the quantization that it would be loaded with. With one, a
    line for each of its quantizations. With several, a line for each combination of theirs, loaded at once.

    It is computed from the sizes of the models, so nothing has to be here. GB are 10^9 bytes, but the --gpu of a card
    is meant as it is sold (24GB are 24 x 2^30 bytes); of a card a twentieth, of main memory a tenth is left to others.

    \b
    codetune models plan                                           what fits here
    codetune models plan WhiteRabbitNeo-33B-v1 --gpu 24GB          one model on a card
    codetune models plan WhiteRabbitNeo-33B-v1 codet5p-16b --gpu 40GB  two at once
    codetune models plan --gpu 80GB --format json                  for a script
    """  # noqa: D301 - the backspace is click's
    from codetune_core.cli.models import plan_as_json, plan_as_text  # noqa: PLC0415 - `--help` does not wait for it
    from codetune_core.cli.models.settings import ended, opened  # noqa: PLC0415
    from codetune_core.models import plans  # noqa: PLC0415

    if len(names) > _MOST_TOGETHER:
        raise click.UsageError(f"at most {_MOST_TOGETHER} models are planned together")

    def work() -> None:
        settings, catalogue = opened()
        made = plans.plan(names, gpu, settings.models, catalogue)
        plan_as_json.write(made) if format_name == "json" else plan_as_text.write(made)

    ended(work)
