"""Variables are filled from the document by their names, and what cannot be is asked for by name."""

import pytest

from codetune_core.domain.document import Document
from codetune_core.domain.prompt import Variable, VariableType
from codetune_core.domain.text import Position, Range
from codetune_server.errors import RequestError
from codetune_server.prompted.docstring import style_of
from codetune_server.prompted.place import Place
from codetune_server.prompted.values import values

DOCUMENT = Document("file:///w/a.py", "import os\n# why?\nx = 1\nend\n", "python", 1)
PLACE = Place(Range(Position(1, 0), Position(2, 5)), "# why?\nx = 1", wish="why?")


def filled(*variables, place=PLACE, **given):
    return values(variables, DOCUMENT, place, "a.py", given)


def variable(name, kind=VariableType.TEXT, **more):
    return Variable(name=name, type=kind, **more)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("code", "# why?\nx = 1"),
        ("selection", "# why?\nx = 1"),
        ("language", "python"),
        ("path", "a.py"),
        ("context", "import os\n\nend\n"),
        ("passages", "[1] a.py lines 2-3\n# why?\nx = 1"),
        ("question", "why?"),
        ("style", "google"),
    ],
)
def test_a_variable_is_filled_by_its_name(name, value):
    assert filled(variable(name)) == {name: value}


def test_what_the_client_says_goes_first_and_defaults_are_left_to_the_prompt():
    given = filled(variable("language"), variable("points", VariableType.INTEGER, default=5), language="rust")
    assert given == {"language": "rust"}


@pytest.mark.parametrize(
    "each",
    [
        variable("question", required=False),
        variable("goal", default="memory"),
        variable("style", choices=("plain",), required=False),
        variable("code", VariableType.LINE, required=False),
        variable("code", VariableType.INTEGER, required=False),
        variable("code", max_chars=3, required=False),
    ],
)
def test_a_comment_asks_nothing_that_the_prompt_can_do_without_and_no_value_is_of_a_wrong_kind(each):
    assert filled(each) == {}


def test_what_is_missing_and_what_is_not_declared_is_said():
    with pytest.raises(RequestError, match=r"told: module \(Where from\); a\. Give it in the command's argument"):
        filled(variable("module", description="Where from."), variable("a"))
    with pytest.raises(RequestError, match="write it as a comment"):
        filled(variable("question"), place=Place(PLACE.range, "x"))
    with pytest.raises(RequestError, match="no variable b, c; it has a"):
        filled(variable("a"), b=1, c=2)


@pytest.mark.parametrize(
    ("language", "text", "style"),
    [
        ("python", "", "google"),
        ("python", "    :param a: b\n", "sphinx"),
        ("python", "    Parameters\n    ----------\n", "numpy"),
        ("typescript", "", "jsdoc"),
        ("go", "", "godoc"),
        ("cobol", "", "plain"),
    ],
)
def test_the_style_is_that_of_the_file(language, text, style):
    assert style_of(Document("a", text, language)) == style
