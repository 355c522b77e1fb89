"""A cache of Hugging Face on disk, as a pull leaves it."""

import json
from pathlib import Path

COMMIT = "a" * 40


def put(cache: Path, repository: str, files: dict[str, str | bytes | dict | list], commit: str = COMMIT) -> Path:
    """Put a repository into a cache; return the folder with its files."""
    root = cache / f"models--{repository.replace('/', '--')}"
    snapshot = root / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (root / "refs").mkdir(exist_ok=True)
    (root / "refs" / "main").write_text(commit)
    for name, content in files.items():
        written = content if isinstance(content, bytes | str) else json.dumps(content)
        (snapshot / name).write_bytes(written.encode() if isinstance(written, str) else written)
    return snapshot
