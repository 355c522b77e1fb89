"""The group ``codetune prompts``: each subcommand is imported when it is used."""

import click

from codetune_core.cli.lazy_group import LazyGroup

_HERE = "codetune_core.cli.prompts"
_COMMANDS = {
    "list": ("reading:list_prompts", "Prompts of the library."),
    "show": ("reading:show", "Everything that a prompt says."),
    "log": ("reading:log", "What was deployed when, and what ran on a day."),
    "run": ("running:run", "Ask a model."),
    "new": ("writing:new", "Add a prompt."),
    "edit": ("writing:edit", "Write the next version."),
    "diff": ("comparing:diff", "What changed between two versions."),
    "deploy": ("deploying:deploy", "Let a version run under a label."),
    "rollback": ("deploying:rollback", "Go back to what ran before."),
    "compare": ("comparing:compare", "Which of two versions is better, on evidence."),
    "experiment": ("experimenting:experiment", "Split a label's traffic between versions."),
    "import": ("exchanging:import_prompts", "Read prompts from files."),
    "export": ("exchanging:export", "Write prompts to files."),
    "sync": ("exchanging:sync", "Keep a directory and the library equal."),
    "clone": ("keeping:clone", "Start a prompt as a copy of another."),
    "archive": ("keeping:archive", "Take a prompt out of use; nothing is lost."),
    "restore": ("keeping:restore", "Bring an archived prompt back."),
    "purge": ("keeping:purge", "Delete a prompt with its versions for good."),
}
"""Where each subcommand is, and what the list says of it without importing it."""


@click.command(cls=LazyGroup, package=_HERE, lazy=_COMMANDS, short_help="Write, compare, deploy and run prompts.")
def prompts() -> None:
    """Write, compare, deploy and run the prompts of the library.

    A prompt has numbered versions, which never change. What runs is the version that is deployed to a label:
    `production`, `staging` or a name of your own. NAME means the version in production, NAME@3 the third one.

    \b
    codetune prompts list                                what there is
    codetune prompts run explain-code --var code=@app.py ask a model
    codetune prompts edit explain-code                   a new version, in your editor
    codetune prompts diff explain-code@1 explain-code@2  what changed
    codetune prompts deploy explain-code 2 -m "shorter"  from now on
    codetune prompts rollback explain-code               back to what ran before

    Every subcommand has `--format json` for scripts. It ends with 0; with 1 where the answer is bad news (an execution
    that failed, conflicts between files and library); with 2 where it cannot do what was asked; with 130 after Ctrl-C.
    """  # noqa: D301 - the backspace is click's
