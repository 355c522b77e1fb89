"""``codetune models pull``: a model's files from the Hugging Face Hub."""

from typing import TYPE_CHECKING

import click

from codetune_core.cli.models.options import FORMAT

if TYPE_CHECKING:
    from codetune_core.models.catalogue import Catalogue
    from codetune_core.models.spec import ModelSpec


@click.command(short_help="Get a model's files from Hugging Face.")
@click.argument("name", metavar="MODEL")
@click.option("--accept-licence", is_flag=True, help="Accept its terms without being asked.")
@FORMAT
def pull(name: str, format_name: str, *, accept_licence: bool) -> None:
    """Get a model's files from the Hugging Face Hub into its cache on this machine.

    MODEL is a name of `codetune models list` or a Hugging Face id. Its terms are shown first, where they restrict its
    use. What came is kept when this is interrupted, and the next pull goes on from there. All weights are checked
    against their hashes; the first pull pins the model to the commit that it was. Gated models need `hf auth login`.

    \b
    codetune models pull Qwen2.5-Coder-1.5B
    codetune models pull WhiteRabbitNeo-33B-v1 --accept-licence
    HF_HOME=/big/disk codetune models pull Qwen2.5-Coder-32B-Instruct
    """  # noqa: D301 - the backspace is click's
    from codetune_core.cli.models.progress import shown  # noqa: PLC0415 - `--help` does not wait for it
    from codetune_core.cli.models.settings import ended, opened  # noqa: PLC0415
    from codetune_core.cli.prompts.as_json import write_json  # noqa: PLC0415
    from codetune_core.models.pull import pull as pull_files  # noqa: PLC0415

    def work() -> None:
        settings, catalogue = opened()
        spec = _meant(catalogue, name)
        expect_accepted(spec, accept=accept_licence)
        with shown(in_bytes=True) as on_progress:
            found = pull_files(spec, on_progress, remote_code=spec.id in settings.models.remote_code)
        if format_name == "json":
            values = {"folder": str(found.folder), "revision": found.revision, "size": found.size}
            write_json({"name": spec.name, "id": spec.id, **values, "pickled": found.pickled})
            return
        click.echo(f"{spec.name} is here: {found.size / 1e9:.2f} GB, commit {found.revision[:12]}, all hashes right")
        if found.pickled:
            click.echo(f"its weights are pickled, which are never loaded: codetune models convert {spec.name}")

    ended(work)


def _meant(catalogue: "Catalogue", name: str) -> "ModelSpec":
    """Return a model of the catalogue, or one of the Hub that nothing is known of yet."""
    from codetune_core.errors import SettingsError  # noqa: PLC0415
    from codetune_core.models.spec import ModelSpec  # noqa: PLC0415

    if spec := catalogue.named(name):
        return spec
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        return catalogue.find(name)
    try:
        return ModelSpec(name=name, id=name, context_tokens=1)
    except ValueError as error:
        raise SettingsError(f"{name!r} is no Hugging Face id, such as owner/name") from error


def expect_accepted(spec: "ModelSpec", *, accept: bool) -> None:
    """Show a model's terms and have them accepted, once; raises SettingsError where they are not."""
    import sys  # noqa: PLC0415

    from codetune_core.cli.formats.visible import visible  # noqa: PLC0415
    from codetune_core.errors import SettingsError  # noqa: PLC0415
    from codetune_core.models.licences import accept_licence, licence_accepted  # noqa: PLC0415

    if licence_accepted(spec):
        return
    click.echo(visible(f"{spec.name} is under the {spec.licence.name}. {spec.licence.terms}"), err=True)
    if spec.licence.url:
        click.echo(visible(spec.licence.url), err=True)
    if not accept and not sys.stdin.isatty():
        raise SettingsError("its terms have to be accepted: read them, and give --accept-licence")
    if not accept and not click.confirm("Do you accept these terms?", err=True):
        raise SettingsError(f"{spec.name} is not used, because its terms were not accepted")
    accept_licence(spec)
