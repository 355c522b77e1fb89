"""An answer is reasoning and an output; with a schema, the one value in it that fits."""

import asyncio
import json
from itertools import pairwise

import pytest
from hostile import hostile_texts
from hypothesis import given, settings
from hypothesis import strategies as st

from codetune_core.domain.fence import MARK, mark
from codetune_core.errors import InvalidOutput
from codetune_core.prompts.answer import MAX_ANSWER, parse_answer, readable, readable_pieces
from codetune_core.prompts.schemas.registry import SCHEMAS

GOOD = {"summary": "It sorts.", "points": ["fast"]}
TEXT = json.dumps(GOOD)
OTHER = json.dumps({"summary": "It sings."})
TICKS = "```"


def value(text, schema="summary"):
    return json.loads(parse_answer(text, schema).output)


def refused(text, schema="summary"):
    with pytest.raises(InvalidOutput) as caught:
        parse_answer(text, schema)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "output", "reasoning"),
    [
        ("just text", "just text", ""),
        ("", "", ""),
        ("  indented\n", "  indented\n", ""),
        ("<thinking>hm</thinking>\nanswer", "answer", "hm"),
        ("<think>\nhm\n</think>\n\nanswer\n", "answer\n", "hm"),
        ("\n<THINKING>hm</Thinking>answer", "answer", "hm"),
        ("<thinking>a</thinking>\n<thinking>b</thinking>\nanswer", "answer", "a\nb"),
        ("<think>a</think><thinking>b</thinking>answer", "answer", "a\nb"),
        ("hm, so\n</think>\n\nanswer", "answer", "hm, so"),
        ("<think></think>\nanswer", "answer", ""),
        ("hm\r\n</think>\r\nanswer", "answer", "hm"),
        ("<thinking>a </think> b</thinking>\nanswer", "answer", "a </think> b"),
        ("print('<thinking>')", "print('<thinking>')", ""),
        ("x = '</think>' + y", "x = '</think>' + y", ""),
        ("text\n<thinking>\nlater\n</thinking>\nmore", "text\n<thinking>\nlater\n</thinking>\nmore", ""),
        ("<thinking>hm</thinking>\n    indented", "    indented", "hm"),
        ("a\x00b\ud800", "a\ufffdb\ufffd", ""),
        (f"quote {MARK}\\u202e <{MARK}|im_end|>", "quote \u202e <|im_end|>", ""),
    ],
)
def test_reasoning_is_split_off(text, output, reasoning):
    answer = parse_answer(text, None)
    assert (answer.output, answer.reasoning) == (output, reasoning)


@pytest.mark.parametrize(
    "text", ["<thinking>hm", "<think>", "<thinking>hm</think>", f"<think>{TEXT}", "<think>a</think><think>b"]
)
@pytest.mark.parametrize("schema", [None, "summary"])
def test_an_answer_that_ends_while_thinking_is_none(text, schema):
    assert "still thinking" in refused(text, schema)
    assert "max_tokens" in refused(text, schema)


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"\n\n{TEXT}\n",
        f"```json\n{TEXT}\n```",
        f"```\n{TEXT}\n```",
        f"~~~json\n{TEXT}\n~~~",
        f"```JSON\n{TEXT}\n```  ",
        f"````json\n{TEXT}\n````",
        f"Here it is:\n\n```json\n{TEXT}\n```\nAnything else?",
        f"Here: {TEXT}. Done.",
        f"<think>maybe {OTHER}</think>\n{TEXT}",
        f"<thinking>maybe\n```json\n{OTHER}\n```\n</thinking>\n```json\n{TEXT}\n```",
        f"```json\n{TEXT}\n```\nas in {OTHER}",
        f"{TEXT}\n{TEXT}",
        f"```json\n{TEXT}\n```\n```json\n{TEXT}\n```",
        f'{{"not": "it"}} {TEXT}',
        f"a set {{1, 2}} and {TEXT}",
        f"```python\nx = {{}}\n```\n```json\n{TEXT}\n```",
        f"```json\n\n{TEXT}\n\n```",
        '{"summary": "It sorts.", "points": ["fast",],}',
        '```json\n{"summary": "It sorts.", "points": ["fast" , ] , }\n```',
        json.dumps(GOOD, indent=4),
        '{"points": ["fast"], "summary": "  It sorts. "}',
        f"{{{{{TEXT}",
        "} " + TEXT,
        f"\ufeff{TEXT}",
        f"{TEXT}\n</thinking>\n{TEXT}",
        f"```json\n{TEXT}",
    ],
)
def test_the_value_is_found_wherever_it_stands(text):
    assert value(text) == GOOD


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("  \n", "is empty"),
        ("I cannot do that.", "has no JSON object"),
        ('{"summary": "It so', "breaks off"),
        ('{"points": []}', "summary: Field required"),
        ('{"summary": 3}', "summary: Input should be a valid string"),
        ('{"summary": ""}', "summary: String should have at least 1 character"),
        ("[]", "has no JSON object"),
        ('{"summary": "x", "extra": 1}', "extra: Extra inputs are not permitted"),
        ("null", "no JSON object"),
        (json.dumps({"summary": "x" * 6001}), "at most 6000 characters"),
        (f"{TEXT} {OTHER}", "2 different values that fit"),
        (json.dumps({"summary": "x", "points": ["p"] * 13}), "at most 12 items"),
        (f"```json\n{TEXT}\n```\n```json\n{OTHER}\n```", "2 different values"),
        ('{"summary": NaN}', "no JSON object"),
        ('{"summary": "\\ud800"}', "summary"),
        ("{" * 100_000, "no JSON object"),
        ('{"a":' * 50_000, "no JSON object"),
        ("[" * 100_000, "no JSON object"),
        ('{"summary": ' + "9" * 5000 + "}", "no JSON object"),
        ("x" * (MAX_ANSWER + 1), "at most 2,000,000 are read"),
        (json.dumps({str(n): n for n in range(9)}), "more"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_in_words(text, said):
    assert said in refused(text)


def test_a_refusal_is_short_and_recorded_as_invalid_output():
    with pytest.raises(InvalidOutput) as caught:
        parse_answer(json.dumps({"findings": [{"quote": "x" * 9000}] * 50}), "findings")
    assert len(str(caught.value)) < 600
    assert caught.value.kind == "invalid_output"


@pytest.mark.parametrize("depth", [10, 100, 300, 450, 600, 900, 3_000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [('{"summary":', "}"), ("[", "]")])
def test_an_answer_nested_deeply_is_refused(depth, opening, closing):
    assert refused('{"summary":' + opening * depth + "1" + closing * depth + "}")


@pytest.mark.parametrize("text", ['{"summary": "two\nlines"}', '{"summary": "two\\nlines"}'])
def test_a_line_end_inside_a_string_is_forgiven(text):
    assert value(text)["summary"] == "two\nlines"


@pytest.mark.parametrize("inside", [", ]", ",}", "[1,]", '\\", }', "{,}"])
def test_commas_inside_strings_stay(inside):
    text = f'{{"summary": "x {inside} y", "points": [],}}'
    assert value(text)["summary"] == json.loads(f'"x {inside} y"')


def test_a_fence_inside_a_string_does_not_end_the_json():
    code = f"{TICKS}\ncode\n{TICKS}"
    assert value(f"{TICKS}json\n{json.dumps({'summary': code})}\n{TICKS}")["summary"] == code


@pytest.mark.parametrize("escape", [True, False])
@pytest.mark.parametrize("code", ["log('<|im_end|>')", "SYSTEM: x", "if x\u202e:", f"a{MARK}b", "a\\u202eb", "[INST]"])
def test_marks_in_quotes_are_undone_however_json_wrote_them(code, escape):
    claim = {"quote": mark(code), "rule": "x", "severity": "low", "message": "m"}
    text = json.dumps({"findings": [claim]}, ensure_ascii=escape)
    assert value(text, "findings")["findings"][0]["quote"] == code


def test_equal_values_have_one_canonical_output():
    outputs = {
        parse_answer(text, "summary").output for text in (TEXT, json.dumps(GOOD, indent=1), f"```json\n{TEXT}\n```")
    }
    assert outputs == {'{"points":["fast"],"summary":"It sorts."}'}


@pytest.mark.parametrize(
    "text",
    [
        "```json\n" * 100_000,
        '"' + '\\"' * 200_000,
        "<think></think>" * 50_000,
        "{" * 300_000,
        '{"a":' * 100_000,
        "~~~\n```\n" * 50_000,
        ", " * 300_000,
        "[" * 300_000,
        '{"a": "' * 50_000,
        " " * 300_000,
    ],
    ids=range(10),
)
def test_a_long_answer_of_nonsense_is_refused_without_delay(text):
    assert refused(text)


def test_an_output_parses_to_itself():
    output = parse_answer(TEXT, "summary").output
    assert parse_answer(output, "summary").output == output


@settings(max_examples=100, deadline=None)
@given(st.text(), st.sampled_from([None, *SCHEMAS]))
def test_any_text_is_an_answer_or_refused(text, schema):
    try:
        parse_answer(text, schema)
    except InvalidOutput as error:
        assert str(error)  # noqa: PT017 - either is right


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60),
    st.sampled_from(["{}", "```json\n{}\n```", "Well:\n{}\nDone.", "<thinking>x</thinking>{}", "````\n{}\n````"]),
)
def test_what_a_model_means_to_say_arrives(text, around):
    marked = json.dumps({"answered": False, "answer": "no", "citations": [{"source": "s", "quote": mark(text)}]})
    found = value(around.replace("{}", marked), "answer_with_citations")
    assert found["citations"][0]["quote"] == text


def streamed(pieces):
    async def written():
        for piece in pieces:
            yield piece

    async def read():
        return [piece async for piece in readable_pieces(written())]

    return asyncio.run(read())


@settings(max_examples=300, deadline=None)
@given(hostile_texts.map(mark) | st.text(f"{MARK}\\\\uU02ef x"), st.lists(st.integers(0, 60)))
def test_a_stream_reads_as_the_whole_does_wherever_it_is_cut(text, places):
    cuts = [0, *sorted(min(place, len(text)) for place in places), len(text)]
    assert "".join(streamed(text[start:end] for start, end in pairwise(cuts))) == readable(text)
    assert "".join(streamed(text)) == readable(text)


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        (["a", "b"], ["a", "b"]),
        (["a<", f"{MARK}|im"], ["a<", "|im"]),
        ([f"a<{MARK}", "|im"], ["a<", "|im"]),
        ([f"{MARK}\\u20", "2e!"], ["\u202e!"]),
        ([f"{MARK}{MARK}", f"{MARK}", f"{MARK}"], [MARK, MARK]),
        ([f"a{MARK}\\U0001"], ["a", "\\U0001"]),
        ([f"{MARK}\\ud800", f"{MARK}\\u0000"], ["\ufffd", "\ufffd"]),
    ],
)
def test_no_more_is_held_back_than_what_may_still_be_a_mark(pieces, shown):
    assert streamed(pieces) == shown
