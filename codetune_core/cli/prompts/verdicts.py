"""What experiments and replays say, as tables and sentences for people and as JSON for scripts."""

from collections.abc import Sequence
from typing import Any

import click

from codetune_core.cli.formats.visible import visible
from codetune_core.cli.prompts import as_json, as_text
from codetune_core.prompts.experiments import paired_verdict, verdict
from codetune_core.prompts.experiments.compare import Comparison, Verdict
from codetune_core.prompts.experiments.confidence_sequence import Counts
from codetune_core.prompts.experiments.controller import Checked
from codetune_core.prompts.experiments.paired import Estimate
from codetune_core.prompts.experiments.protocol import ArmResults
from codetune_core.prompts.experiments.replay import PairedResult


def write_verdict(found: Verdict, format_name: str) -> None:
    """Print what an experiment says."""
    if format_name == "json":
        as_json.write_json(verdict_json(found))
        return
    _write_table(verdict.HEADER, verdict.table(found))
    _write_words(verdict.words(found))


def write_replay(found: PairedResult, format_name: str) -> None:
    """Print what a replay found."""
    if format_name == "json":
        as_json.write_json(_replay_json(found))
        return
    _write_table(paired_verdict.HEADER, paired_verdict.table(found))
    _write_words(paired_verdict.words(found))


def write_checked(looks: Sequence[Checked], format_name: str) -> None:
    """Print looks at running experiments, with what they say to do and what was done."""
    if format_name == "json":
        as_json.write_json({"experiments": [_checked_json(each) for each in looks]})
        return
    for each in looks:
        click.echo(f"{visible(each.prompt)} under {visible(each.label)}: experiment {each.verdict.experiment.id}")
        write_verdict(each.verdict, format_name)
        done = "done" if each.applied else "nothing was changed"
        click.echo(f"to do: {each.decision.act.value} {visible(each.decision.arm)}".rstrip() + f" ({done})\n")


def verdict_json(found: Verdict) -> dict[str, Any]:
    """Return a verdict; intervals are of shares, from -1 to 1."""
    return {
        "experiment": found.experiment.id,
        "alpha": found.experiment.alpha,
        "trusted": found.trusted,
        "sample_ratio_p": found.sample_ratio,
        "arms": [_arm_json(arm) for arm in found.results],
        "comparisons": [_comparison_json(each) for each in found.comparisons],
        "verdict": verdict.words(found),
    }


def _arm_json(arm: ArmResults) -> dict[str, Any]:
    return {
        "arm": arm.arm,
        "sessions": arm.sessions,
        "executions": arm.executions,
        "judged": _counts_json(arm.judged),
        "failed": _counts_json(arm.ended),
        "average_ms": arm.average_ms,
        "average_rating": arm.average_rating,
        "cost_usd": None if arm.cost_usd is None else f"{arm.cost_usd:f}",
    }


def _counts_json(counts: Counts) -> dict[str, Any]:
    return {"sessions": counts.units, "hits": counts.hits, "rate": counts.rate}


def _comparison_json(each: Comparison) -> dict[str, Any]:
    return {
        "arm": each.treatment.arm,
        "control": each.control.arm,
        "judgement": each.judgement.value,
        "acceptance": {"low": each.acceptance.low, "high": each.acceptance.high},
        "failures": {"low": each.failures.low, "high": each.failures.high},
        "slower": each.slower,
        "sessions_needed": each.sessions_needed,
    }


def _checked_json(each: Checked) -> dict[str, Any]:
    decision = {"act": each.decision.act.value, "arm": each.decision.arm, "why": each.decision.why}
    return {
        "prompt": each.prompt,
        "label": each.label,
        **verdict_json(each.verdict),
        "decision": decision,
        "applied": each.applied,
    }


def _replay_json(found: PairedResult) -> dict[str, Any]:
    return {
        "a": found.a,
        "b": found.b,
        "inputs": len(found.pairs),
        "judged": found.judged,
        "both": found.both,
        "only_a": found.only_a,
        "only_b": found.only_b,
        "unjudged": found.unjudged,
        "p": found.p,
        "success": _estimate_json(found.success),
        "milliseconds": _estimate_json(found.milliseconds),
        "cost_usd": _estimate_json(found.cost_usd),
        "verdict": paired_verdict.words(found),
    }


def _estimate_json(estimate: Estimate | None) -> dict[str, float] | None:
    return {"mean": estimate.mean, "low": estimate.low, "high": estimate.high} if estimate else None


def _write_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = as_text.table(*header, right=header[1:])
    for row in rows:
        table.add_row(*(visible(cell) for cell in row))
    as_text.console().print(table)


def _write_words(sentences: Sequence[str]) -> None:
    for sentence in sentences:
        as_text.console().print(visible(sentence))
