"""What the server loads before it has answered ``initialize``."""

import json
import subprocess
import sys

import pytest

LATER = ("pydantic", "tree_sitter", "pathspec", "yaml", "libcst", "detect_secrets", "rich", "ruff", "http.client")


@pytest.fixture(scope="module")
def loaded():
    code = "import codetune_server.assembly as a, json, sys; a.create_server(); print(json.dumps(sorted(sys.modules)))"
    return set(json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout))


@pytest.mark.parametrize("module", LATER)
def test_nothing_that_only_a_review_needs_is_loaded(loaded, module):
    assert module not in loaded


def test_the_protocol_is_loaded(loaded):
    assert "lsprotocol.types" in loaded
