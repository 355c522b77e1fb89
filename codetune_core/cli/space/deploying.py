"""``codetune space deploy``: create or update the Space, and wait until it runs what was uploaded."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codetune_core.cli.exit_codes import ExitCode
from codetune_core.cli.space.hub import NAME, ended, meant, open_hub
from codetune_core.cli.space.plan import Plan, read_secrets, read_variables, warnings
from codetune_core.cli.space.telling import stages
from codetune_core.cli.space.waiting import Wait

if TYPE_CHECKING:
    from huggingface_hub import HfApi

    from codetune_core.cli.space.upload import Upload

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(short_help="Create or update the Space, and wait until it runs what was uploaded.")
@NAME
@click.option("--hardware", default="a100-large", show_default=True, help="The Hub's name of it, such as l40sx1.")
@click.option(
    "--sleep", type=click.IntRange(min=-1), default=3600, show_default=True, help="Seconds; -1 for never asleep."
)
@click.option("--public", is_flag=True, help="Everybody may reach it, though each needs a key of the service.")
@click.option("--bucket", default="", metavar="OWNER/NAME", help="Storage bucket for snapshots of its database.")
@click.option("--model", "models", multiple=True, metavar="MODEL", help="Fetch and load it at the start.")
@click.option("--secret", "secrets", multiple=True, metavar="NAME[=VARIABLE]", help="From your environment.")
@click.option("--variable", "variables", multiple=True, metavar="NAME=VALUE", help="Environment variable of the Space.")
@click.option("--config", type=_FILE, help="Its codetune.toml.")
@click.option("--wheel", type=_FILE, help="CodeTune's, instead of this checkout's or the published version.")
@click.option("--accept-licence", is_flag=True, help="Accept the models' terms without being asked.")
@click.option("--timeout", type=click.FloatRange(min=0), default=3600, show_default=True, help="Seconds to wait.")
@click.option("--upload-only", is_flag=True, help="Leave hardware, secrets and all else of the Space as they are.")
@click.option("--no-wait", is_flag=True, help="End once it is uploaded.")
@click.option("--dry-run", is_flag=True, help="Say what would be uploaded and set; ask nobody, change nothing.")
def deploy(  # noqa: PLR0913 - the options
    *,
    name: str,
    hardware: str,
    sleep: int,
    bucket: str,
    models: tuple[str, ...],
    secrets: tuple[str, ...],
    variables: tuple[str, ...],
    config: Path | None,
    wheel: Path | None,
    timeout: float,
    public: bool,
    accept_licence: bool,
    upload_only: bool,
    no_wait: bool,
    dry_run: bool,
) -> None:
    """Create or update the Space OWNER/NAME, upload the service into it, and wait until `/version` says that it runs.

    What is uploaded is the wheel of the checkout you run this from, else the version that you have installed. Secrets
    are read from your environment, by name, and never from the command line. CODETUNE_ADMIN_KEY_SHA256 (`codetune keys
    create --offline` prints it) and CODETUNE_DATABASE_URL are taken along where they are set.

    \b
    codetune space deploy team/codetune --bucket team/codetune-data --model Qwen2.5-Coder-7B-Instruct
    codetune space deploy team/codetune --secret HF_TOKEN=READ_ONLY_TOKEN
    HF_OIDC_RESOURCE=spaces/team/codetune codetune space deploy team/codetune --upload-only

    The last one is for continuous integration: the Space trusts the workflow (Trusted Publishers in its settings), and
    no token is kept anywhere; what it gets may write that repository and no settings.
    """  # noqa: D301 - the backspace is click's

    def work() -> ExitCode:
        plan = Plan(
            space=meant(name),
            hardware=hardware,
            sleep_seconds=sleep,
            upload_only=upload_only,
            public=public,
            bucket=bucket,
            secrets=read_secrets(secrets),
            variables=read_variables(variables, _accepted(models, accept=accept_licence or dry_run), bucket),
        )
        for warning in [] if upload_only else warnings(plan):
            click.echo(f"notice: {warning}", err=True)
        with tempfile.TemporaryDirectory(prefix="codetune-space-") as folder:
            if dry_run:
                _show(plan, Path(folder), config, wheel)
                return ExitCode.CLEAN
            return _deploy(plan, Path(folder), config, wheel, None if no_wait else timeout)

    ended(work)


def _show(plan: Plan, folder: Path, config: Path | None, wheel: Path | None) -> None:
    click.echo("\n".join(plan.lines(_assembled(plan, folder, config, wheel))))


def _assembled(plan: Plan, folder: Path, config: Path | None, wheel: Path | None, host: str = "") -> "Upload":
    from codetune_core.cli.space.reach import usual_host  # noqa: PLC0415 - `--help` does not wait for it
    from codetune_core.cli.space.upload import assemble  # noqa: PLC0415

    return assemble(folder, space=plan.space, hosts=[host or usual_host(plan.space)], config=config, wheel=wheel)


def _deploy(plan: Plan, folder: Path, config: Path | None, wheel: Path | None, seconds: float | None) -> ExitCode:
    """Go through all steps; each can be done again, so that a deployment that was cut short is simply repeated."""
    from codetune_core.cli.space.reach import find_place, usual_host  # noqa: PLC0415
    from codetune_core.cli.space.setting import apply  # noqa: PLC0415

    hub = open_hub()
    (guess := folder / "guess").mkdir()
    upload = _assembled(plan, guess, config, wheel)  # before anything is changed, since this may fail
    if not plan.upload_only:
        apply(hub, plan, _say)
    place = find_place(hub, plan.space)
    if place.host != usual_host(plan.space):
        (known := folder / "known").mkdir()
        upload = _assembled(plan, known, config, next(guess.glob("*.whl"), None), place.host)
    uploaded = _sent(hub, plan, upload)
    if seconds is None:
        click.echo(f"uploaded to {plan.space}: {upload.commit}")
        return ExitCode.CLEAN
    with stages() as on_stage:
        Wait(hub, plan.space, place, seconds, on_stage).for_commit(upload.commit, uploaded)
    click.echo(f"{plan.space} runs {upload.commit} at {place.url}")
    return ExitCode.CLEAN


def _sent(hub: "HfApi", plan: Plan, upload: "Upload") -> str:
    """Upload, and return the commit of the Space's own repository."""
    _say(f"uploading {len(upload.files)} files, {sum(upload.files.values()) / 1e6:.1f} MB")
    done = hub.upload_folder(
        repo_id=plan.space,
        repo_type="space",
        folder_path=upload.folder,
        delete_patterns="*",
        commit_message=f"CodeTune {upload.commit}",
    )
    return str(done.oid)


def _accepted(models: tuple[str, ...], *, accept: bool) -> tuple[str, ...]:
    """Have the terms of models accepted that restrict their use; return their names."""
    if not models:
        return ()
    from codetune_core.cli.models.pulling import expect_accepted  # noqa: PLC0415
    from codetune_core.cli.models.settings import opened  # noqa: PLC0415

    _settings, catalogue = opened()
    for model in models:
        if spec := catalogue.named(model):
            expect_accepted(spec, accept=accept)
    return models


def _say(text: str) -> None:
    click.echo(text, err=True)
