"""No text of a model makes a link, an image or HTML, as a parser of CommonMark and tables sees it."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from codetune_core.domain.document import Document
from codetune_core.domain.text import Position, Range
from codetune_server.prompted.harmless import fenced, harmless, harmless_words
from codetune_server.prompted.page import page
from codetune_server.prompted.place import Place

PARSERS = (MarkdownIt("commonmark"), MarkdownIt("commonmark").enable(["table", "strikethrough"]))
for each in PARSERS:
    each.validateLink = lambda _: True  # it takes no `file:` by itself
LINK = "[x](http://evil)"
ATTACKS = [
    f"`\r\r{LINK}\r\r`",
    f"`a\n# b {LINK} `",
    f"\\\\`a` {LINK} `",
    f"\\<b{LINK}",
    f"```\n```~\n```\n{LINK}",
    f"~~~ a`b\n~~~\n{LINK}\n~~~",
    f" ```\n```\n{LINK}",
    f"- ~~~\n  a\n  ~~~\n{LINK}",
    f"> ```\n{LINK}\n> ```\n{LINK}",
    f"x `\n- b {LINK}`",
    f"x `\ny ` {LINK} `",
    f"| a | b |\n|---|---|\n| `a | b` `{LINK}` |",
    f"<1`a@b.c> {LINK}`",
    f"`\n\n!{LINK}\n\n`",
    "[x]\n\n[x]: http://evil",
    f"```\n    ```\n{LINK}",
    f"1. a\n   ```\n   b\n```\n{LINK}",
    f"`` \\` ``{LINK} ``",
    f"\\``{LINK}``",
    "<command:evil>",
    "<a@evil.org>",
    f"$`$ {LINK} `",
    f"\x0b`\x0c{LINK}`",
    f"\u2028```\u2028{LINK}",
]
hostile = st.lists(
    st.sampled_from([
        *"`~\n\r \t|-<>[]()!\\:#*_1.@/", "```", "~~~", "``", LINK, "\n\n", "    ", "- ", "> ", "|-|-|", "<a>", "]:",
        "www.",
    ]),
    max_size=30,
).map("".join)  # fmt: skip


def active(markdown):
    """What a reader can follow or load, as each parser sees it."""
    tokens = [token for parser in PARSERS for top in parser.parse(markdown) for token in (top, *(top.children or ()))]
    kinds = {"link_open", "image", "html_inline", "html_block"}
    return [(token.type, *token.attrs.values()) for token in tokens if token.type in kinds]


@settings(max_examples=200, deadline=None)
@given(hostile)
def test_no_text_leads_anywhere(text):
    assert not active(harmless(text))
    assert not active(f"- before: {harmless_words(text)}".replace("\n", "\n  "))
    assert not active(f"- a{fenced(text).rstrip()}".replace("\n", "\n  "))


@pytest.mark.parametrize("text", ATTACKS)
def test_known_ways_out_of_code_lead_nowhere(text):
    assert not active(harmless(text))
    assert not active(f"- before: {harmless_words(text)}".replace("\n", "\n  "))
    assert not active(f"- a{fenced(text).rstrip()}".replace("\n", "\n  "))


OWN = ("link_open", "file:///w/a.py#L1")
DOCUMENT = Document("file:///w/a.py", "x = 1\n", "python", 1)
PLACE = Place(Range(Position(0, 0), Position(1, 0)), "x = 1\n")
values = st.recursive(
    hostile, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile, inner, max_size=3), max_leaves=6
)
answers = hostile | st.dictionaries(
    st.sampled_from(["answer", "findings", "citations", "steps", "quote", "code", "[x]"]), values, max_size=3
).map(json.dumps)
finding = {"quote": "x = 1", "rule": "a\n~~~\n", "message": f"```\n{LINK}\n```", "remedy": f"~~~\n{LINK}\n~~~"}


@settings(max_examples=100, deadline=None)
@given(answer=answers, is_whole=st.booleans())
@example(answer=json.dumps({"steps": [{"a": "b\n```\nc\n```", "d": f"\n```\n{LINK}\n```"}]}), is_whole=True)
@example(answer=json.dumps({"steps": [{"[x]": "http://evil"}], "answer": "[x]"}), is_whole=True)
@example(answer=json.dumps({"citations": [{"quote": f"a\r{LINK}"}]}), is_whole=True)
@example(answer=json.dumps({"findings": [finding, finding]}), is_whole=True)
def test_a_page_has_no_link_but_its_own(answer, is_whole):
    cited = {"x = 1": Range(Position(0, 0), Position(0, 5))} if is_whole else None
    links = active(page("Ask", answer, DOCUMENT, PLACE, "ask, tiny", cited))
    assert {kind for kind, *_ in links} <= {"link_open"}
    assert all(address.startswith("file:///w/a.py#L1") for _, address in links)


ATTEMPTS = yaml.safe_load((Path(__file__).parents[2] / "fixtures" / "injections.yaml").read_text("utf-8"))


@pytest.mark.parametrize("said", [each["text"] for each in ATTEMPTS], ids=range(len(ATTEMPTS)))
def test_an_answer_that_repeats_an_injection_makes_no_link(said):
    for answer in (
        said,
        f"{said} {LINK}",
        json.dumps({"answer": said, "citations": [{"quote": said}], "steps": [said]}),
    ):
        assert active(page("Ask", answer, DOCUMENT, PLACE, "ask, tiny", {})) == [OWN] * len(PARSERS)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("![a](http://b)", r"\![a]\(http:/\/b)"),
        ("[`a`](command:b)", r"[`a`]\(command:b)"),
        ("[a][b]\n\n[b]: c", "[a]\\[b]\n\n[b]\\: c"),
        ("`[a](b)` [1].", "`[a](b)` [1]."),
        ("<img src=b> a < b", r"\<img src=b> a < b"),
        ("`<b>` ![", r"`<b>` \!["),
        ("```html\n<b>\n```\n<b>", "```html\n<b>\n```\n\\<b>"),
        ("1. a\n   ```py\n   if x:\n       y[0](1)\n   ```\n2. b", "1. a\n```py\nif x:\n    y[0](1)\n```\n2. b"),
        ("``` a`b\n<b>\n", "\\`\\`\\` a\\`b\n\\<b>\n"),
        ("\\`<b>`", "\\`\\<b>\\`"),
        ("~~~\n<b>", "~~~\n<b>\n~~~"),
        ("www.evil.org, a@evil.org, //evil", r"www\.evil.org, a\@evil.org, /\/evil"),
        ("`int | None` of `<T>`", "`int | None` of `<T>`"),
        ("a\u202eb\u200b", "a b "),
    ],
)
def test_what_is_switched_off_still_reads_as_it_was_meant(text, safe):
    assert harmless(text) == safe


@pytest.mark.parametrize(
    "text",
    [
        " ".join("`" * number for number in range(1, 1400)),
        "`" * 1_000_000 + "a",
        "`a " * 300_000,
        "|" * 1_000_000 + "x",
        "```\n" * 100_001,
        "<" * 500_000 + "]" * 500_000,
        "\\" * 1_000_001,
    ],
    ids=range(7),
)
def test_long_answers_are_done_in_time_that_a_quadratic_way_would_not_keep(text):
    assert len(harmless(text)) >= len(text)
