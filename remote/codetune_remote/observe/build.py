"""Which build of CodeTune runs."""

import json
import os
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution


def commit() -> str:
    """Return the commit: CODETUNE_COMMIT, else where pip noted one (PEP 610); empty where nobody knows."""
    return os.environ.get("CODETUNE_COMMIT", "") or _installed_from()


@cache
def _installed_from() -> str:
    try:
        noted = distribution("codetune").read_text("direct_url.json")
        return str(json.loads(noted or "{}").get("vcs_info", {}).get("commit_id", ""))
    except (PackageNotFoundError, ValueError):
        return ""
