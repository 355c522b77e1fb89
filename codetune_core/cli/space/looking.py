"""``codetune space status`` and ``logs``: how the Space is, and what it writes."""

from typing import TYPE_CHECKING, Any

import click

from codetune_core.cli.exit_codes import ExitCode
from codetune_core.cli.space.hub import NAME, ended, meant, open_hub

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_OK = 200


@click.command(short_help="Say how the Space is.")
@NAME
@click.option(
    "--format", "format_name", type=click.Choice(["text", "json"]), default="text", help="For people, or for scripts."
)
def status(name: str, format_name: str) -> None:
    """Say how the Space OWNER/NAME is: its stage and hardware, which version answers, and whether it can execute.

    A Space that sleeps is not woken by this. Ends with 1 where it does not answer, or cannot execute.
    """

    def work() -> ExitCode:
        from codetune_core.cli.prompts.as_json import write_json  # noqa: PLC0415 - `--help` does not wait for it

        found = _found(open_hub(), meant(name))
        if format_name == "json":
            write_json(found)
        else:
            width = max(map(len, found))
            click.echo("\n".join(f"{key.replace('_', ' '):<{width}}  {value}" for key, value in found.items()))
        return ExitCode.CLEAN if found["ready"] else ExitCode.FINDINGS

    ended(work)


def _found(hub: "HfApi", space: str) -> dict[str, Any]:
    from codetune_core.cli.space.reach import find_place  # noqa: PLC0415

    place, runtime = find_place(hub, space), hub.get_space_runtime(space)
    found: dict[str, Any] = {
        "space": space,
        "url": place.url,
        "stage": str(runtime.stage),
        "hardware": str(runtime.hardware or ""),
        "requested_hardware": str(runtime.requested_hardware or ""),
        "sleeps_after_seconds": runtime.sleep_time,
        "version": "",
        "commit": "",
        "ready": False,
    }
    if runtime.raw.get("errorMessage"):
        found["error"] = runtime.raw["errorMessage"]
    if not str(runtime.stage).startswith("RUNNING"):
        return found
    version, ready = place.ask("/version"), place.ask("/readyz")
    problem = version.problem or ("" if version.status == _OK else f"/version answered {version.status}")
    about = {key: version.content.get(key, "") for key in ("version", "commit")}
    return {**found, **about, "ready": ready.status == _OK, **({"problem": problem} if problem else {})}


@click.command(short_help="Print what the Space writes, or what its build wrote.")
@NAME
@click.option("--build", is_flag=True, help="What its build wrote.")
@click.option("--follow", is_flag=True, help="Go on until Ctrl-C.")
def logs(name: str, *, build: bool, follow: bool) -> None:
    """Print what the service on the Space OWNER/NAME writes, or with --build what the build of its image wrote."""

    def work() -> ExitCode:
        from codetune_core.cli.formats.visible import visible  # noqa: PLC0415

        for text in open_hub().fetch_space_logs(meant(name), build=build, follow=follow):
            click.echo("\n".join(visible(line) for line in text.rstrip("\n").split("\n")))
        return ExitCode.CLEAN

    ended(work)
