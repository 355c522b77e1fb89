"""The ``codetune`` command: subcommands come from entry points and are imported only when they are used."""

from importlib.metadata import EntryPoint, entry_points

import click

GROUP = "codetune.commands"


class _Commands(click.Group):
    """Subcommands by entry point; ``codetune lsp`` does not import what ``codetune review`` needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(point.name for point in entry_points(group=GROUP))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        found: EntryPoint | None = next(iter(entry_points(group=GROUP, name=cmd_name)), None)
        return found.load() if found else None


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="codetune", prog_name="codetune")
def main() -> None:
    """Review code for security flaws and fix them, in any editor and in the terminal.

    \b
    codetune review .        findings of a project, with verified fixes
    codetune lsp             the language server your editor starts
    codetune prompts list    what models can be asked, and in which words
    codetune models plan     which models fit this machine
    codetune history list    what was asked, what came back and what it cost
    codetune serve           all of it over HTTP, for a team
    codetune doctor          what is installed and what runs
    """  # noqa: D301 - the backspace is click's


if __name__ == "__main__":
    main()
