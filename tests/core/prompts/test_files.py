"""A prompt written as a file reads back as itself, and a file that is no prompt says where and why."""

import json
import textwrap

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from codetune_core.domain.prompt import (
    Category,
    Decoding,
    FewShotExample,
    PromptDraft,
    Variable,
    VariableType,
    Wording,
)
from codetune_core.errors import PromptFileError
from codetune_core.prompts.files import MAX_BYTES, load_prompt, read_prompt, write_prompt

AWKWARD = [
    "=== user ===", "==== user ====", "=== user (quoted) ===", "---", "--- ", "...", "\r", "\r\n", "\n", "\n\n", " ",
    "\t",
    "{{ code }}", "{% raw %}", "```", "\ufeff", "\u2028",
    "\x85", "\x00", "\x1b", "é", "日本", "🔥", "yes", "null", "1:30", "#",
    "=== output ===", "=== x ===", '"',
    "\\", ": ", "- ", "? ", "| ", "&a ", "*a", "!!python/object", "%YAML", "x" * 200,
]  # fmt: skip
PIECES = st.one_of(st.sampled_from(AWKWARD), st.text(max_size=8))
TEXTS = st.lists(PIECES, max_size=6).map("".join).map(lambda text: text.encode(errors="ignore").decode())
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)
VARIABLES = st.builds(
    Variable,
    name=NAMES,
    type=st.sampled_from(VariableType),
    description=TEXTS,
    default=JSON,
    required=st.booleans(),
    choices=st.lists(JSON, max_size=2),
    max_chars=st.none() | st.integers(1, 10**9),
    minimum=st.none() | FLOATS,
    maximum=st.none() | FLOATS,
    cut=st.none() | st.integers(),
)
DECODINGS = st.builds(
    Decoding,
    top_p=st.none() | st.floats(0.01, 1),
    top_k=st.none() | st.integers(1, 100),
    repetition_penalty=st.none() | st.floats(0.1, 3),
    seed=st.none() | st.integers(),
    stop=st.lists(TEXTS, max_size=3),
    output_schema=st.none() | TEXTS,
)
WORDINGS = st.builds(
    Wording,
    system_prompt=TEXTS,
    user_prompt_template=TEXTS.filter(bool),
    few_shot_examples=st.lists(
        st.builds(FewShotExample, variables=st.dictionaries(TEXTS, JSON, max_size=3), output=TEXTS), max_size=2
    ),
    variables=st.lists(VARIABLES, max_size=3, unique_by=lambda variable: variable.name),
    model_type=st.none() | TEXTS.map(lambda text: text[:100]),
    temperature=st.floats(0, 2) | st.sampled_from([0.0, -0.0, 1.0, 2.0]),
    max_tokens=st.integers(1, 10**6),
    decoding=DECODINGS,
)
DRAFTS = st.builds(
    PromptDraft,
    name=st.from_regex(r"[A-Za-z0-9_éß日][A-Za-zé日0-9_ .:/+-]{0,20}", fullmatch=True),
    description=TEXTS,
    category=st.sampled_from(Category),
    use_case=TEXTS.map(lambda text: text[:100]),
    tags=st.lists(TEXTS, max_size=3),
)
DRAFT = PromptDraft(name="review")


def check_round_trip(draft: PromptDraft, wording: Wording) -> str:
    text = write_prompt(draft, wording)
    read = read_prompt(text, "x.prompt.md")
    assert (read.draft, read.wording) == (draft, wording)
    assert read.wording.content_hash == wording.content_hash  # 1, 1.0 and True are not the same here
    assert read.draft.model_dump_json() == draft.model_dump_json()
    assert not read.is_foreign
    assert write_prompt(read.draft, read.wording) == text
    text.encode()
    return text


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(DRAFTS, WORDINGS)
def test_every_prompt_reads_back_as_itself_and_is_written_in_one_way(draft, wording):
    check_round_trip(draft, wording)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(DRAFTS, WORDINGS)
def test_a_file_checked_out_with_windows_line_ends_is_the_same_prompt(draft, wording):
    text = write_prompt(draft, wording)
    read = read_prompt(text.replace("\n", "\r\n"), "x.prompt.md")
    assert (read.draft, read.wording) == (draft, wording)


@pytest.mark.parametrize("text", [piece for piece in AWKWARD if piece], ids=repr)
@pytest.mark.parametrize("around", ["{}", "a\n{}", "{}\nb", "a\n{}\nb", "{}\n{}"])
def test_any_text_may_stand_in_every_part(text, around):
    part = around.replace("{}", text)
    shown = FewShotExample(variables={"code": part, part: [part]}, output=part)
    declared = Variable(name="code", description=part, default=part, choices=(part,))
    check_round_trip(
        PromptDraft(name="x", description=part, tags=(part,)),
        Wording(
            system_prompt=part,
            user_prompt_template=part,
            few_shot_examples=(shown, shown),
            variables=(declared,),
            decoding=Decoding(stop=(part,)),
        ),
    )


def test_plain_texts_are_written_as_they_are():
    wording = Wording(
        system_prompt="You review code.\n\nBe terse.",
        user_prompt_template="Review:\n{{ code }}",
        few_shot_examples=(FewShotExample(variables={"code": "a = 1\nb = 2\n"}, output="None."),),
        variables=(Variable(name="code", type=VariableType.CODE, description="The code."),),
        temperature=0,
    )
    assert check_round_trip(
        PromptDraft(name="review", tags=("a", "b"), category="security"), wording
    ) == textwrap.dedent(
        """\
        ---
        codetune: 1
        name: review
        category: security
        tags: [a, b]
        temperature: 0
        max_tokens: 2048
        variables:
          code:
            type: code
            description: The code.
        ---

        === system ===

        You review code.

        Be terse.

        === user ===

        Review:
        {{ code }}

        === example ===

        code: |
          a = 1
          b = 2

        === output ===

        None.
        """
    )


def test_a_change_of_one_line_is_a_diff_of_one_line():
    one = Wording(user_prompt_template="a\nb\nc", system_prompt="s")
    two = one.model_copy(update={"user_prompt_template": "a\nB\nc"})
    before, after = (write_prompt(DRAFT, wording).split("\n") for wording in (one, two))
    assert [(old, new) for old, new in zip(before, after, strict=True) if old != new] == [("b", "B")]


def test_blank_lines_around_marks_belong_to_the_marks_and_all_others_to_the_text():
    text = "---\ncodetune: 1\nname: x\n---\n=== system ===\n\n\nS\n=== user ===\nU  \n\n\nU2 \n\n\n"
    wording = read_prompt(text, "f").wording
    assert (wording.system_prompt, wording.user_prompt_template) == ("S", "U  \n\n\nU2 ")


def test_a_body_without_marks_is_the_user_template():
    assert read_prompt("---\ncodetune: 1\nname: x\n---\n\nHello\n", "f").wording.user_prompt_template == "Hello"


def test_values_keep_the_type_they_were_written_with():
    shown = "a: no\nb: 1:30\nc: 2024-01-01\nd: 010\ne: 0x1f\nf: 1\ng: 1.0\nh: true\ni: '1'\nj: ~\nk: [1, 'x']\n"
    text = f"---\ncodetune: 1\nname: x\n---\n=== user ===\nU\n=== example ===\n{shown}=== output ===\nO\n"
    values = read_prompt(text, "f").wording.few_shot_examples[0].variables
    assert json.dumps(values) == (
        '{"a": "no", "b": "1:30", "c": "2024-01-01", "d": "010", "e": "0x1f", "f": 1, "g": 1.0, "h": true, "i": "1",'
        ' "j": null, "k": [1, "x"]}'
    )


def ours(front: str = "", body: str = "=== user ===\nU\n") -> str:
    return f"---\ncodetune: 1\nname: x\n{front}---\n{body}"


EXAMPLE = "=== user ===\nU\n\n=== example ===\n"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (ours("temprature: 1\n"), 4, "did you mean 'temperature'"),
        (ours("tags: ['editor:selektion']\n"), 4, "there are selection, cursor, file"),
        (ours("wholly_else: 1\n"), 4, "known are codetune, name"),
        (ours("temperature: hot\n"), 4, "temperature: input should be a valid number"),
        (ours("temperature: 3\n"), 4, "less than or equal to 2"),
        (ours("max_tokens: 0\n"), 4, "greater than 0"),
        (ours("category: poetry\n"), 4, "'code_review'"),
        (ours("tags: 5\n"), 4, "tags"),
        (ours("tags: [a,\n  5]\n"), 5, "tags.1"),
        (ours("description: a\ndescription: b\n"), 5, "stands here twice"),
        (ours("decoding:\n  top_q: 1\n"), 5, "did you mean 'top_p'"),
        (ours("decoding:\n  stop: [x]\n  top_p: 2\n"), 6, "decoding.top_p"),
        (ours("decoding: 5\n"), 4, "decoding"),
        (ours("variables: 5\n"), 4, "names with their fields"),
        (ours("variables: [code]\n"), 4, "names with their fields"),
        (ours("variables:\n  code: 5\n"), 5, "a variable has fields"),
        (ours("variables:\n  code:\n    typ: code\n"), 6, "did you mean 'type'"),
        (ours("variables:\n  code:\n    type: kode\n"), 6, "'code'"),
        (ours("variables:\n  Code:\n    type: code\n"), 5, "pattern"),
        (ours("variables:\n  a: {}\n  a: {}\n"), 6, "twice"),
        (ours("description: &a x\n"), 4, "anchors"),
        (ours("description: *a\n"), 4, "anchors"),
        (ours("description: !!python/object:os.system x\n"), 4, "tags"),
        (ours("description: [a\n"), 5, "expected"),
        (ours("description: " + "[" * 3000 + "\n"), 4, "nested"),
        (ours("max_tokens: " + "9" * 5000 + "\n"), 4, "too long"),
        (ours("temperature: 1e999\n"), 4, "too large"),
        (ours("? [a]\n: b\n"), 4, "one line of text"),
        (ours("- a\n"), 4, "expected"),
        ("---\n- a\n---\nU\n", 2, "expected lines such as 'name: value'"),
        ("---\ncodetune: 2\nname: x\n---\nU\n", 2, "codetune: 1"),
        ("---\ncodetune: true\nname: x\n---\nU\n", 2, "codetune: 1"),
        ("---\ncodetune: 1\n---\nU\n", 2, "name: field required"),
        ("---\ncodetune: 1\nname: '*'\n---\nU\n", 3, "name"),
        ("---\ncodetune: 1\nname: 5\n---\nU\n", 3, "name: input should be a valid string"),
        ("---\nname: x\n", 1, "no end"),
        ("---\nname: x\ntemperature: 0\n---\nU\n", 3, "add 'codetune: 1'"),
        ("---\nname: x\n---\n\n", 4, "no text"),
        (ours("", "=== system ===\nS\n"), 5, "no text under '=== user ==='"),
        (ours("", ""), 5, "no text under"),
        (ours("", "hello\n=== user ===\nU\n"), 5, "before the first mark"),
        (ours("", "=== user ===\nU\n\n=== sistem ===\n\nS\n"), 10, "did you mean 'system'"),
        (ours("", "=== user ===\nU\n=== user ===\n\nU\n"), 9, "a second section"),
        (ours("", EXAMPLE + "a: 1\n"), 9, "comes one '=== output ==='"),
        (ours("", "=== user ===\nU\n=== output ===\nO\n"), 8, "comes one '=== output ==='"),
        (ours("", EXAMPLE + "a: 1\n=== example ===\nb: 1\n=== output ===\nO\n"), 11, "comes one '=== output ==='"),
        (ours("", EXAMPLE + "a: 1\nb: [1\n=== output ===\nO\n"), 11, "expected"),
        (ours("", EXAMPLE + "\n- 1\n=== output ===\nO\n"), 10, "expected lines"),
        (ours("", '=== user (quoted) ===\n\n"a"\nb\n'), 8, "JSON string"),
        (ours("", "=== user (quoted) ===\n5\n"), 6, "JSON string"),
        (ours("description: a\x00b\n"), 2, "YAML"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_prompt_says_where_and_what_to_do(text, line, said):
    with pytest.raises(PromptFileError) as caught:
        read_prompt(text, "dir/x.prompt.md")
    assert f"dir/x.prompt.md:{line}: " in str(caught.value)
    assert said in str(caught.value)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PIECES, max_size=12).map("".join), st.booleans())
@example(text="codetune: 1\nname: x\n", front=True)
def test_any_text_is_a_prompt_or_a_prompt_file_error(text, front):
    try:
        read_prompt(f"---\n{text}\n---\nU" if front else text, "f")
    except PromptFileError as error:
        assert str(error).startswith("f:")  # noqa: PT017 - most texts are one or the other


def test_files_that_cannot_be_read_are_named(tmp_path):
    binary, large, folder = tmp_path / "b.prompt.md", tmp_path / "l.prompt.md", tmp_path / "d.prompt.md"
    binary.write_bytes(b"---\n\xff")
    large.write_bytes(b"x" * (MAX_BYTES + 1))
    folder.mkdir()
    for path, said in [
        (binary, "not UTF-8"), (large, "larger than"), (folder, "is a directory"), (tmp_path / "n", "no such file"),
    ]:  # fmt: skip
        with pytest.raises(PromptFileError, match=said) as caught:
            load_prompt(path)
        assert str(caught.value).startswith(str(path))


def test_a_file_with_a_byte_order_mark_is_read(tmp_path):
    path = tmp_path / "x.prompt.md"
    path.write_bytes(b"\xef\xbb\xbf" + ours().encode())
    assert load_prompt(path).draft.name == "x"
