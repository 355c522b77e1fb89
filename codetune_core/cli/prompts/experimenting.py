"""``codetune prompts experiment``: a label's traffic split between versions, looked at, and ended."""

import click

from codetune_core.bootstrap.core import Core
from codetune_core.cli.core import with_core
from codetune_core.cli.exit_codes import ExitCode
from codetune_core.cli.prompts import as_json
from codetune_core.cli.prompts.options import FORMAT, LABEL, MESSAGE, who
from codetune_core.cli.prompts.verdicts import write_checked
from codetune_core.domain.deployment import Deployment, Experiment
from codetune_core.prompts.experiments.controller import Act, Checked, check, decide, look


@click.group(short_help="Split a label's traffic between versions.")
def experiment() -> None:
    """Split a label's traffic between versions, each session always to the same one, and see which one is better.

    What counts is what users did with the answers: accepted, edited, kept; or rejected, reverted. You may look as
    often as you like: the verdict's chance of a false alarm holds for all looks together.

    \b
    codetune prompts experiment start explain-code 1 2
    codetune prompts experiment status
    codetune prompts experiment promote explain-code v2 -m "5 points better"
    """  # noqa: D301 - the backspace is click's


@experiment.command(short_help="Begin to split.")
@click.argument("name")
@click.argument("versions", nargs=-1, required=True, metavar="VERSION[=WEIGHT]...")
@LABEL
@click.option("--alpha", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.05, show_default=True,
              help="Chance of a false alarm.")  # fmt: skip
@click.option("--automatic", is_flag=True, help="Let `check` end it once the verdict is sure.")
@click.option("--min-executions", type=click.IntRange(min=1), default=50, show_default=True,
              help="Of each version, before it may end by itself.")  # fmt: skip
@MESSAGE
@FORMAT
def start(  # noqa: PLR0913 - click's
    name: str,
    *,
    versions: tuple[str, ...],
    label: str,
    alpha: float,
    automatic: bool,
    min_executions: int,
    message: str,
    format_name: str,
) -> None:
    """Split a label's traffic between versions; the one that stands there is one of them, and the control.

    \b
    codetune prompts experiment start explain-code 1 2
    codetune prompts experiment start explain-code 1=9 2=1 --automatic    a tenth to version 2
    """  # noqa: D301 - the backspace is click's
    weights = dict(_weight(text) for text in versions)

    async def work(core: Core) -> ExitCode:
        entry = await core.prompts.start_experiment(
            name,
            weights,
            label=label,
            by=who(),
            reason=message,
            alpha=alpha,
            automatic=automatic,
            min_executions=min_executions,
        )
        arms = ", ".join(f"{arm.name} ({arm.weight:g})" for arm in entry.experiment.arms) if entry.experiment else ""
        _tell(name, entry, f"{name}: traffic under {label} is split between {arms}", format_name)
        return ExitCode.CLEAN

    with_core(work)


def _weight(text: str) -> tuple[int, float]:
    number, equals, weight = text.partition("=")
    try:
        pair = int(number), float(weight) if equals else 1.0
    except ValueError:
        raise click.BadParameter(f"{text!r}: write a version's number, or number=weight as in 2=0.1") from None
    if not 0 < pair[1] < float("inf"):
        raise click.BadParameter(f"{text!r}: a weight is greater than 0")
    return pair


@experiment.command(short_help="What running experiments say; changes nothing.")
@click.argument("name", required=False)
@FORMAT
def status(name: str | None, format_name: str) -> None:
    """Show what the running experiments say, of all prompts or of one, and what there is to do; changes nothing."""

    async def work(core: Core) -> ExitCode:
        looks = []
        for prompt, label, running in await _running(core, name):
            verdict = await look(running, core.experiments)
            looks.append(Checked(prompt, label, verdict, decide(verdict), applied=False))
        return _tell_looks(looks, format_name)

    with_core(work)


@experiment.command("check", short_help="End the automatic ones whose verdict is sure.")
@click.argument("name", required=False)
@FORMAT
def check_now(name: str | None, format_name: str) -> None:
    """Look at the running experiments, and end those begun with --automatic whose verdict is sure.

    A better version is promoted; a worse one is rolled back. Meant for a timer. It ends with 1 where one did harm.
    """

    async def work(core: Core) -> ExitCode:
        looks = [
            await check(prompt, label, running, core.prompts, core.experiments)
            for prompt, label, running in await _running(core, name)
        ]
        code = _tell_looks(looks, format_name)
        harmful = any(each.decision.act is Act.ROLL_BACK for each in looks)
        return ExitCode.FINDINGS if harmful else code

    with_core(work)


@experiment.command(short_help="End it; the control stays.")
@click.argument("name")
@LABEL
@MESSAGE
@FORMAT
def stop(name: str, label: str, message: str, format_name: str) -> None:
    """End the experiment under a label; its control, which stood there before, gets all traffic again."""

    async def work(core: Core) -> ExitCode:
        entry = await core.prompts.stop_experiment(name, label=label, by=who(), reason=message)
        _tell(name, entry, f"{name}: only version {entry.version_number} runs under {label} again", format_name)
        return ExitCode.CLEAN

    with_core(work)


@experiment.command(short_help="End it; one arm gets all traffic.")
@click.argument("name")
@click.argument("arm")
@LABEL
@MESSAGE
@FORMAT
def promote(name: str, arm: str, label: str, message: str, format_name: str) -> None:
    """End the experiment under a label and deploy the version of one of its arms, such as v2."""

    async def work(core: Core) -> ExitCode:
        entry = await core.prompts.promote(name, arm, label=label, by=who(), reason=message)
        _tell(name, entry, f"{name}: version {entry.version_number} now runs under {label}", format_name)
        return ExitCode.CLEAN

    with_core(work)


async def _running(core: Core, name: str | None) -> list[tuple[str, str, Experiment]]:
    """Return the running experiments with their prompts and labels."""
    if name:
        await core.prompts.show(name)  # there is such a prompt
    return [
        (found.prompt.name, found.deployment.label, found.deployment.experiment)
        for found in await core.prompts.experimenting()
        if found.deployment.experiment and name in {None, found.prompt.name}
    ]


def _tell(name: str, entry: Deployment, words: str, format_name: str) -> None:
    if format_name == "json":
        as_json.write_json({"prompt": name, "entry": as_json.deployment_json(entry)})
    else:
        click.echo(words)


def _tell_looks(looks: list[Checked], format_name: str) -> ExitCode:
    write_checked(looks, format_name)
    if not looks:
        click.echo("no experiment runs", err=True)
    return ExitCode.CLEAN
