"""Measure what models cost here, each against its peer in one run; writes the section ``models`` beside the others."""

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).with_name("models")))

import batching
import boundary
import loading
from measures import MS, Row
from run import show, write


def batches() -> list[Row]:
    """Concurrent requests against one `generate` after the other; drafts against none."""
    found = batching.main()
    rows = []
    for count, budget in ((1, None), (8, 0.333), (32, 0.333)):
        ours, peer = _times(found, f"batch_{count}")
        rows.append(Row(f"a token of {count} concurrent requests", "ms", ours, peer, "generate, one at a time", budget))
    ours, peer = _times(found, "edit")
    rows.append(Row("a token of an edit, with prompt lookup", "ms", ours, peer, "the same without", 0.333))
    return rows


def _times(found: dict[str, float], name: str) -> tuple[float, float]:
    """Milliseconds for each token of ours and of the peer."""
    return MS / found[f"{name}_tokens_per_second"], MS / found[f"{name}_peer_tokens_per_second"]


def process() -> list[Row]:
    """The boundary of the model process, cancellation, and the constraint."""
    found = asyncio.run(boundary.main())
    small = "small model"
    return [
        Row(
            f"a token through the model process, {small}",
            "ms",
            found["through"] * MS,
            found["alone"] * MS,
            "the runner in one's own process",
        ),
        Row("cancelled answer to nothing running, median", "ms", found["cancel_p50"] * MS),
        Row("cancelled answer to nothing running, 95th percentile", "ms", found["cancel_p95"] * MS, budget=50),
        Row("cancelled prompt to nothing running, 95th percentile", "ms", found["cancel_prefill_p95"] * MS, budget=50),
        Row(
            f"a token held to a JSON schema, {small}",
            "ms",
            found["constrained"] * MS,
            found["free"] * MS,
            "the same model free",
        ),
    ]


def loads() -> list[Row]:
    """Weights quantized beforehand against quantizing while loading."""
    found = loading.main()
    ours, peer = found["prequantized_s"], found["quantize_on_load_s"]
    return [Row("load of 270 M parameters in NF4, quantized beforehand", "s", ours, peer, "quantized on load", 0.35)]


def main() -> int:
    """Run every measure; 1 where a budget is missed."""
    rows = []
    for measure in (batches, process, loads):
        print(f"{measure.__name__} ...", file=sys.stderr, flush=True)
        rows += measure()
    show(rows)
    write(rows, "models")
    return int(any(row.within is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
