"""What the server loads before it has answered ``initialize``, and what only few sessions ever need."""

import json
import subprocess
import sys

import pytest

LATER = ("pydantic", "tree_sitter", "pathspec", "yaml", "libcst", "detect_secrets", "rich", "ruff", "http.client")
SELDOM = ("tree_sitter", "libcst", "ruff", "sqlalchemy", "jinja2", "yaml", "rich", "structlog", "aiohttp.web")


def modules_after(code):
    code = f"import json, sys; {code}; print(json.dumps(sorted(sys.modules)))"
    return set(json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout))


@pytest.fixture(scope="module")
def loaded():
    return modules_after("import codetune_server.assembly as a; a.create_server()")


@pytest.fixture(scope="module")
def loaded_at_work():
    return modules_after("import codetune_server.review_service, codetune_server.prompt_runs, aiohttp")


@pytest.mark.parametrize("module", LATER)
def test_nothing_that_only_a_review_needs_is_loaded(loaded, module):
    assert module not in loaded


def test_the_protocol_is_loaded(loaded):
    assert "lsprotocol.types" in loaded


@pytest.mark.parametrize("module", SELDOM)
def test_a_server_that_reviews_and_runs_prompts_stays_small(loaded_at_work, module):
    assert module not in loaded_at_work


def test_what_reviews_and_what_runs_prompts_is_loaded(loaded_at_work):
    assert {"pydantic", "aiohttp"} <= loaded_at_work
