"""A page shows an answer, links to exactly the code it quotes, and leads nowhere else."""

import json

import pytest

from codetune_core.domain.document import Document
from codetune_core.domain.text import Position, Range
from codetune_core.errors import WorkerLost
from codetune_core.model_reviewer.anchored_here import anchored_here
from codetune_server.prompted.citing import cited
from codetune_server.prompted.page import page
from codetune_server.prompted.place import Place

DOCUMENT = Document("file:///w/a_b.py", "x = 1\ny = 2\nz = 3\ny = 2\n", "python", 1)
PLACE = Place(Range(Position(1, 0), Position(3, 0)), "y = 2\nz = 3\n")


async def shown(answer, anchoring=anchored_here):
    text = answer if isinstance(answer, str) else json.dumps(answer)
    ranges = await cited(text, DOCUMENT, PLACE, anchoring)
    return page("Review", text, DOCUMENT, PLACE, "review, tiny", ranges)


def draft(text):
    return page("Review", text, DOCUMENT, PLACE, "tiny is answering").split("\n\n", 2)[2]


async def lost(_document, _quotes):
    raise WorkerLost("gone")


def claim(quote, **more):
    return {"quote": quote, "rule": "r", "cwe": "CWE-1", "severity": "low", "message": "m", **more}


async def test_a_page_says_what_it_is_about_and_who_answered():
    about = "# Review\n\n[a\\_b.py, lines 2 to 3](<file:///w/a_b.py#L2-L3>)"
    assert await shown("Yes.") == f"{about}\n\nYes.\n\n_review, tiny_"


async def test_findings_link_to_the_lines_that_they_quote_and_others_are_left_out_and_counted():
    said = await shown({"findings": [claim("z  =  3"), claim("y = 2", remedy="a\nb"), claim("w = 1"), claim("")]})
    first = "- [line 2](<file:///w/a_b.py#L2>) (r, CWE-1, low): m\n\n  a\n  b"
    assert f"{first}\n\n- [line 3](<file:///w/a_b.py#L3>) (r, CWE-1, low): m\n\n_2 of the model's claims" in said
    assert "Nothing was found." in await shown({"findings": []})


async def test_what_is_quoted_is_linked_inside_what_was_asked_about_or_else_where_it_stands_once():
    quotes = ["y = 2\nz = 3", "y = 2", "x = 1", "w = 1"]
    said = await shown({"answered": True, "answer": "A.", "citations": [{"source": "s", "quote": q} for q in quotes]})
    links = [
        "lines 2 to 3](<file:///w/a_b.py#L2-L3>)",
        "line 2](<file:///w/a_b.py#L2>)",
        "line 1](<file:///w/a_b.py#L1>)",
    ]
    for link, quote in zip(links, quotes, strict=False):
        assert f"- [{link}\n  \n  ```\n  {quote.replace(chr(10), chr(10) + '  ')}\n  ```" in said
    assert "- not found in the code:\n  \n  ```\n  w = 1\n  ```" in said


async def test_without_a_worker_quotes_are_found_by_their_letters_alone():
    said = await shown({"answer": "A.", "citations": [{"quote": "z = 3"}, {"quote": "y = 2"}]}, lost)
    assert "[line 3](<file:///w/a_b.py#L3>)" in said
    assert "not found in the code:\n  \n  ```\n  y = 2" in said


async def test_any_other_answer_is_shown_field_by_field():
    said = await shown(
        {"judgement": "unsure", "evidence": ["z = 3"], "steps": [{"a": "b", "quote": "no"}], "risks": []}
    )
    assert "unsure\n\n**Evidence**\n\n- [line 3](<file:///w/a_b.py#L3>)\n\n**Steps**\n\n- a: b; quote: " in said
    assert "risks" not in said.lower()


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("It **adds", "It **adds"),
        ('{"answered": true, "answer": "It ad', "It ad"),
        ('{"answered": true, "answer": "It adds.", "citations": [{"source": "s", "quote": "z =', "z ="),
        ('{"findings": [{"quote": "z = 3", "message": "m"}, {"quo', "2 found until now."),
        ('{"findings": 7}', "7"),
        ('{"findings": [7, null]}', "0 found until now."),
        ('{"answer": {"a": [1, {"b": null}]}, "citations": [3]}', "Answer"),
        ('{"a', ""),
        ("{not JSON", "{not JSON"),
    ],
)
def test_what_there_is_of_an_answer_is_a_page_too(written, seen):
    assert seen in draft(written)
    assert "not found" not in draft(written)
