"""Prompts for people: tables and texts that fit the terminal, and show what a stored text holds."""

import datetime as dt
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from codetune_core.cli.formats.visible import visible
from codetune_core.domain.deployment import Deployment
from codetune_core.domain.prompt import Prompt, PromptVersion, Statistics, Wording

_NO_TERMINAL = 100_000
"""Cells of a line that nobody looks at in a terminal: such a line is not wrapped."""
_HASH = 12
_PROMPT_COLUMNS = ("name", "category", "production", "runs", "success", "time", "tags")
"""The most important first: on a narrow terminal the last ones are left out."""
_WHOLE = {"when (UTC)", "label", "action", "version", "written", "hash", "field", "change"}
"""Columns whose cells are not broken."""
_DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def console() -> Console:
    """Return a console for the standard output: in colour and wrapped only on a terminal."""
    made = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = _NO_TERMINAL
    return made


def table(*columns: str, right: Sequence[str] = ()) -> Table:
    """Return a table without lines, whose cells wrap on a narrow terminal."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in columns:
        justify: Literal["left", "right"] = "right" if name in right else "left"
        made.add_column(name, justify=justify, overflow="fold", no_wrap=name in _WHOLE)
    return made


def prompts_table(prompts: Iterable[Prompt], console: Console) -> Table:
    """Return a line for each prompt, with as many columns as there is room for."""
    rows = [_prompt_row(prompt) for prompt in prompts]
    for columns in range(len(_PROMPT_COLUMNS), 0, -1):
        made = table(*_PROMPT_COLUMNS[:columns], right=("runs", "success", "time"))
        for row in rows:
            made.add_row(*row[:columns])
        if console.measure(made, options=console.options.update(width=_NO_TERMINAL)).maximum <= console.width:
            break
    return made


def _prompt_row(prompt: Prompt) -> tuple[Text | str, ...]:
    draft, figures = prompt.draft, prompt.statistics
    return (
        Text(visible(draft.name), "bold"),
        draft.category.value,
        "yes" if prompt.current_version_id else "no",
        str(figures.executions),
        share(figures.success_rate),
        seconds(figures.average_ms),
        visible(", ".join(draft.tags)),
    )


def versions_table(versions: Iterable[PromptVersion], labels: Mapping[str, int]) -> Table:
    """Return a line for each version, the newest first as they come."""
    made = table("version", "written", "by", "hash", "labels", "notes", right=("version",))
    for version in versions:
        made.add_row(
            str(version.number),
            day(version.created_at),
            visible(version.created_by),
            version.wording.content_hash[:_HASH],
            ", ".join(label for label, number in labels.items() if number == version.number),
            visible(version.change_notes),
        )
    return made


def ledger_table(entries: Iterable[Deployment]) -> Table:
    """Return a line for each entry of a ledger."""
    made = table("when (UTC)", "label", "action", "version", "by", "why", right=("version",))
    for entry in entries:
        why = entry.reason if entry.experiment is None else f"{entry.experiment.id} {entry.reason}".strip()
        made.add_row(
            f"{entry.at.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S}",
            visible(entry.label),
            entry.action.value,
            str(entry.version_number),
            visible(entry.by),
            visible(why),
        )
    return made


def described(prompt: Prompt, labels: Mapping[str, int]) -> Iterable[Text]:
    """Yield the lines that say what a prompt is."""
    draft = prompt.draft
    state = "" if prompt.is_active else "  archived"
    yield Text.assemble((visible(draft.name), "bold"), f"  {draft.category.value}", (state, "red"))
    if draft.description:
        yield from (Text(visible(line)) for line in draft.description.splitlines())
    facts = {
        "use case": draft.use_case,
        "tags": ", ".join(draft.tags),
        "deployed": labels_text(labels) or "nowhere",
        "runs": runs(prompt.statistics),
        "created": f"{day(prompt.created_at)} by {prompt.created_by}",
        "id": str(prompt.id),
    }
    yield from (_fact(name, value) for name, value in facts.items() if value)


def wording_lines(wording: Wording) -> Iterable[Text]:
    """Yield everything that a version says, each part under its name."""
    facts = {
        "model type": wording.model_type or "any",
        "temperature": f"{wording.temperature:g}",
        "max tokens": str(wording.max_tokens),
        **{
            name.replace("_", " "): str(value)
            for name, value in wording.decoding.model_dump(exclude_defaults=True).items()
        },
    }
    yield from (_fact(name, value) for name, value in facts.items())
    for variable in wording.variables:
        need = "required" if variable.required else "optional"
        need = need if variable.default is None else f"default {variable.default!r}"
        yield _fact(f"variable {variable.name}", f"{variable.type.value}, {need}. {variable.description}".rstrip(". "))
    yield from _part("system prompt", wording.system_prompt)
    for number, example in enumerate(wording.few_shot_examples, 1):
        for name, value in example.variables.items():
            yield from _part(f"example {number}, {name}", str(value))
        yield from _part(f"example {number}, answer", example.output)
    yield from _part("user prompt template", wording.user_prompt_template)


def write_diff(unified: str) -> None:
    """Print a unified diff, in colour on a terminal."""
    shown = console()
    for line in unified.splitlines():
        shown.print(Text(visible(line), _DIFF_STYLES.get(line[:1], "")))


def labels_text(labels: Mapping[str, int]) -> str:
    """Return which version stands where, in one line."""
    return ", ".join(f"{visible(label)} {number}" for label, number in labels.items())


def runs(figures: Statistics) -> str:
    """Return what came of executions, in words."""
    if not figures.executions:
        return "none"
    return f"{figures.executions}, {share(figures.success_rate)} succeeded, {seconds(figures.average_ms)} on average"


def share(rate: float | None) -> str:
    """Return a rate in per cent; empty where nothing was measured."""
    return "" if rate is None else f"{rate:.1%}"


def seconds(milliseconds: float | None) -> str:
    """Return a time in seconds; empty where nothing was measured."""
    return "" if milliseconds is None else f"{milliseconds / 1000:.2f} s"


def day(at: dt.datetime) -> str:
    """Return the UTC day of a time."""
    return f"{at.astimezone(dt.UTC):%Y-%m-%d}"


def _fact(name: str, value: str) -> Text:
    return Text.assemble((f"  {name}: ", "dim"), visible(value))


def _part(name: str, text: str) -> Iterable[Text]:
    if text:
        yield Text(f"\n{name}:", "bold")
        yield from (Text(f"  {visible(line)}".rstrip()) for line in text.split("\n"))
