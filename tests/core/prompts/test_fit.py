"""What exceeds a model's context is cut by declared priority, and what was cut is said."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from codetune_core.domain.fence import unmark
from codetune_core.domain.prompt import FewShotExample, Variable, Wording
from codetune_core.errors import ContextTooLong
from codetune_core.prompts.fit import TOKENS_PER_MESSAGE, RenderTarget
from codetune_core.prompts.render import render

ANSWER = 50
VARIABLES = (
    Variable(name="code", type="code"),
    Variable(name="near", type="code", required=False, cut=2),
    Variable(name="far", type="text", required=False, cut=1),
    Variable(name="before", type="code", required=False, cut=3, cut_from="start"),
)
TEMPLATE = "Review this.\n{{ code }}\n{{ near }}\n{{ far }}\n{{ before }}"


def lines(count, word="line"):
    return "".join(f"{word} {number}\n" for number in range(count))


def check(context, examples=0, template=TEMPLATE, system="", **values):
    """Render for a model whose tokens are characters."""
    wording = Wording(
        system_prompt=system,
        user_prompt_template=template,
        variables=VARIABLES,
        max_tokens=ANSWER,
        few_shot_examples=tuple(
            FewShotExample(variables={"code": f"example {number}"}, output="fine") for number in range(examples)
        ),
    )
    return render(wording, values, RenderTarget(context, len))


def tokens(rendered):
    return sum(len(message.content) + TOKENS_PER_MESSAGE for message in rendered.messages) + ANSWER


def contents(rendered):
    parsed = MarkdownIt("commonmark").parse(rendered.messages[-1].content)
    return [unmark(token.content.removesuffix("\n")) for token in parsed if token.type == "fence"]


def test_what_fits_is_left_whole():
    whole = check(10**6, code="x", far=lines(100))
    exactly = check(tokens(whole), code="x", far=lines(100))
    assert whole.prompt_tokens == tokens(whole) - ANSWER
    assert exactly == whole
    assert whole.cut == ()


def test_one_token_too_many_costs_one_line_and_no_more():
    room = tokens(check(10**6, code="x", far=lines(100)))
    cut = check(room - 1, code="x", far=lines(100))
    assert len(cut.cut) == 1
    assert cut.cut[0].startswith("far: the last ")
    assert tokens(cut) <= room - 1
    assert contents(cut)[0] == "x"


@pytest.mark.parametrize(
    ("context", "names"),
    [(1100, []), (800, ["far"]), (600, ["far", "near"]), (370, ["far", "near", "before"])],
)
def test_variables_are_cut_in_the_declared_order(context, names):
    rendered = check(context, code="x = 1", near=lines(50, "n"), far=lines(60, "f"), before=lines(50, "b"))
    assert [words.partition(":")[0] for words in rendered.cut] == names
    assert tokens(rendered) <= context
    assert contents(rendered)[0] == "x = 1"


def test_a_later_variable_is_cut_only_when_the_earlier_is_gone():
    rendered = check(600, code="x", near=lines(50, "n"), far=lines(60, "f"), before=lines(50, "b"))
    assert rendered.cut[0].startswith("far: all 60 lines left out")
    assert rendered.cut[1].startswith("near: the last ")
    assert lines(50, "b").strip() in rendered.messages[-1].content


def test_the_cut_says_lines_characters_and_tokens():
    rendered = check(1000, code="x", far="0123456789\n" * 200)
    kept = contents(rendered)[1].count("0123456789")
    missing = 200 - kept
    assert rendered.cut == (
        f"far: the last {missing} of 200 lines left out ({missing * 11:,} characters, about {missing * 11:,} tokens)",
    )
    assert contents(rendered)[1].endswith(f"[{missing} lines left out here]")


@pytest.mark.parametrize(("name", "kept", "note"), [("near", 0, -1), ("before", -1, 0)])
def test_the_kept_end_is_the_one_that_was_declared(name, kept, note):
    rendered = check(600, code="x", **{name: lines(200)})
    shown = contents(rendered)[1].split("\n")
    assert shown[kept] == lines(200).splitlines()[kept]
    assert "lines left out here" in shown[note]


def test_a_cut_ends_on_a_line_boundary():
    rendered = check(500, code="x", far=lines(500))
    shown = contents(rendered)[1].split("\n")[:-1]
    assert shown == lines(500).splitlines()[: len(shown)]


def test_a_single_long_line_is_left_out_whole():
    rendered = check(500, code="x", far="y" * 5000)
    assert rendered.cut == ("far: its only line left out (5,000 characters, about 5,000 tokens)",)
    assert contents(rendered)[1] == "[1 line left out here]"


@pytest.mark.parametrize("short", ["y", "one short line\n", "a\nb\nc\n"])
def test_what_is_shorter_than_saying_that_it_is_missing_stays(short):
    room = tokens(check(10**6, code="x", near="n" * 200, far=short)) - 1
    rendered = check(room, code="x", near="n" * 200, far=short)
    assert [words.partition(":")[0] for words in rendered.cut] == ["near"]
    assert contents(rendered)[2] == short.strip()


@pytest.mark.parametrize("separator", ["\x0c", "\u2028", "\x85", "\x1c", "\r"])
def test_only_line_feeds_end_lines(separator):
    rendered = check(800, code="x", far=f"a{separator}b\n" * 200)
    assert "of 200 lines" in rendered.cut[0]


def test_examples_go_after_the_variables_the_last_one_first():
    everything = {"code": "x", "far": lines(20)}
    least = tokens(check(10**6, examples=3, code="x", far="a\n")) + 40
    rendered = check(least - 60, examples=3, **everything)
    assert rendered.cut[-1] == "examples: 1 of 3 left out"
    assert "example 0" in rendered.messages[0].content
    assert "example 1" in rendered.messages[2].content
    assert len(rendered.messages) == 5


def test_room_that_an_example_leaves_is_given_to_the_variables():
    room = tokens(check(10**6, examples=1, code="x")) - 1
    rendered = check(room, examples=1, code="x", far=lines(5, ""))
    assert len(rendered.messages) == 1
    assert rendered.cut[-1] == "examples: 1 of 1 left out"
    assert contents(rendered)[1].startswith(" 0\n")


@pytest.mark.parametrize("context", [40, 60, 120, 1])
def test_what_must_not_be_cut_and_does_not_fit_is_an_error_with_figures(context):
    with pytest.raises(ContextTooLong) as caught:
        check(context, examples=2, code="x" * 100, far=lines(10))
    said = str(caught.value)
    assert f"the model's context is {context}" in said
    assert "50 kept for the answer" in said
    assert "Select less code" in said
    assert caught.value.kind == "context_too_long"


def test_the_figures_of_the_error_are_what_would_be_enough():
    with pytest.raises(ContextTooLong) as caught:
        check(10, code="x" * 100)
    enough = int(str(caught.value).split("answer that is ")[1].split(",")[0])
    assert check(enough, code="x" * 100).cut == ()
    with pytest.raises(ContextTooLong):
        check(enough - 1, code="x" * 100)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(200, 1500),
    st.integers(0, 80),
    st.integers(0, 80),
    st.integers(0, 80),
    st.integers(0, 3),
    st.integers(1, 150),
)
def test_a_prompt_fits_or_is_refused_and_its_core_is_whole(context, near, far, before, examples, code):  # noqa: PLR0917 - one strategy each
    try:
        rendered = check(
            context, examples, code="`" * code, near=lines(near, "n"), far=lines(far, "f"), before=lines(before, "b"),
            system="Be exact.",
        )  # fmt: skip
    except ContextTooLong:
        assert tokens(check(10**6, 0, code="`" * code, system="Be exact.")) > context - 120
        return
    assert tokens(rendered) <= context
    assert rendered.prompt_tokens == tokens(rendered) - ANSWER
    assert rendered.messages[0].content == "Be exact."
    assert rendered.messages[-1].content.startswith("Review this.")
    assert contents(rendered)[0] == "`" * code
    assert bool(rendered.cut) == (rendered != check(10**6, examples, code="`" * code, near=lines(near, "n"),
        far=lines(far, "f"), before=lines(before, "b"), system="Be exact."))  # fmt: skip


@pytest.mark.parametrize("count", [1_000, 20_000])
def test_tokens_are_counted_a_logarithmic_number_of_times(count):
    calls = []

    def counting(text):
        calls.append(len(text))
        return len(text)

    wording = Wording(user_prompt_template=TEMPLATE, variables=VARIABLES, max_tokens=ANSWER)
    rendered = render(wording, {"code": "x", "far": lines(count)}, RenderTarget(1000, counting))
    assert rendered.cut
    assert len(calls) <= 5 + count.bit_length()
    assert sum(calls) < 5 * len(lines(count)) + 30_000


def test_a_prompt_that_fits_is_counted_once():
    calls = []
    wording = Wording(user_prompt_template=TEMPLATE, variables=VARIABLES, max_tokens=ANSWER)
    render(wording, {"code": "x", "far": lines(9)}, RenderTarget(10_000, lambda text: calls.append(text) or len(text)))
    assert len(calls) == 1
