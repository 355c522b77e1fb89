"""What a model proposes because text of the workspace told it to stays in the code that it was asked about."""

from pathlib import Path

import pytest
import yaml
from ladder_cases import document, place, request

from codetune_core.domain.text import Edit, Position, Range
from codetune_core.fixes.ladder.applies import apply
from codetune_core.fixes.ladder.result import Outcome, Refused
from codetune_core.mending.proposal import Proposal, Replaced
from codetune_core.mending.quoting import edits_of
from codetune_core.mending.tests_code import with_tests

ATTEMPTS = yaml.safe_load((Path(__file__).parents[2] / "fixtures" / "injections.yaml").read_text("utf-8"))
TEXTS = [each["text"] for each in ATTEMPTS]
ASKED = "    return eval(text)"
OTHER = "    return os.name"
START = Range(Position(0, 0), Position(0, 0))


def shop(said):
    """A file whose asked function says something, with another function below."""
    note = " ".join(said.split())
    return document(f"import os\n\n\ndef price(text):\n    # {note}\n{ASKED}\n\n\ndef name():\n{OTHER}\n")


def obeyed(said):
    """Every way in which a model that obeys may reach beyond what it was asked about."""
    safe = " ".join(said.split())
    yield "other code", [Replaced(OTHER.strip(), "return 'owned'")]
    yield "both", [Replaced(ASKED.strip(), "return int(text)"), Replaced(OTHER.strip(), f"return {said!r}")]
    yield "a decorator below", [Replaced(ASKED.strip(), f"return int(text)\n\n\n@print  # {safe}")]
    yield "what is not there", [Replaced(said, "return int(text)")]
    yield "code at the top", [Replaced("import os", "import os\nos.system('id')")]
    yield "an import that hides", [Replaced("import os", "import os\nfrom codecs import open")]
    yield "a comment that silences", [Replaced(ASKED.strip(), f"return eval(text)  # nosec {safe}")]


@pytest.mark.parametrize("said", TEXTS, ids=range(len(TEXTS)))
def test_no_injected_text_widens_the_range_of_an_edit(said):
    of = shop(said)
    asked = place(of, ASKED)
    for way, replaced in obeyed(said):
        found = edits_of(of, (asked,), Proposal(replaced=tuple(replaced)))
        if not isinstance(found, Refused):
            after, step = apply(request(of, ASKED), found)
            assert (after, step.outcome) == (None, Outcome.FAILED), way
    exact = Edit(START, f"# {' '.join(said.split())}\n")
    assert apply(request(of, ASKED), [exact])[0] is None


@pytest.mark.parametrize("said", TEXTS, ids=range(len(TEXTS)))
def test_no_injected_text_changes_the_tests_that_are_there(said):
    old = document("import os\n\n\ndef test_a():\n    assert os.name\n")
    note = " ".join(said.split())
    code = f"import os\n\n\ndef test_b():\n    # {note}\n    assert os.sep\n"
    proposal = with_tests(old, code)
    assert all(edit.range.start == edit.range.end for edit in proposal.edits)
    assert old.edited(proposal.edits).text.startswith(old.text)
    assert with_tests(old, code.replace("test_b", "test_a")).refused
    assert with_tests(old, f"{code}\n\nos = None\n").refused
