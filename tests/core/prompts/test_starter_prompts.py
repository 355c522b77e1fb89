"""Every prompt that ships renders, is cut only where it may be, and shows the model a right example."""

import ast
import json
import os
import re
import subprocess
import sys

import pytest

from codetune_core.domain.execution import Task
from codetune_core.domain.prompt import Category, VariableType
from codetune_core.prompts.answer import parse_answer
from codetune_core.prompts.check import check_wording
from codetune_core.prompts.exchange import file_name
from codetune_core.prompts.files import read_prompt, write_prompt
from codetune_core.prompts.fit import RenderTarget
from codetune_core.prompts.render import render
from codetune_core.prompts.starter import shipped_files

PROMPTS = {read_prompt(text, name).draft.name: read_prompt(text, name) for name, text in shipped_files().items()}
NAMES = sorted(PROMPTS)
EXAMPLES = [
    pytest.param(name, number, id=f"{name}-{number}")
    for name, file in sorted(PROMPTS.items())
    for number in range(len(file.wording.few_shot_examples))
]
ASKED_FOR = {
    "review": "review", "security-review-whiterabbitneo": "review", "security-review": "review",
    "optimize": "optimize", "explain-finding": "explain", "explain-code": "explain", "fix-finding": "fix",
    "generate": "generate", "complete": "complete", "unit-tests": "tests", "docstring": "docstring",
    "summarize": "summarize", "refactor": "optimize", "commit-message": "summarize", "diff-review": "review",
    "answer-with-citations": "ask", "threat-model": "review", "model-review": "review",
    "rewrite": "generate",
}  # fmt: skip
TEMPERATURES = {"generation": (0.2, 0.4), "analysis": (0.5, 0.7), "rewriting": (0.7, 0.9), "review": (0, 0)}
FREE_TEXT = {"explain-code", "complete"}
MAY_BE_CUT = {"context", "existing_tests", "after", "before", "passages", "history"}
MAY_BE_CUT_IN = {"commit-message": {"diff"}, "model-review": {"background"}}
MARKER = "KEEP_THIS_LINE"


def count_tokens(text: str) -> int:
    return len(text) // 3 + 1


def rendered(name: str, values: dict, context: int = 16_384):
    return render(PROMPTS[name].wording, values, RenderTarget(context, count_tokens))


def large(kind: str) -> str:
    return "".join(f"{kind}_line_{number} = {number}  # of a large file\n" for number in range(1_500))


def values_for(name: str, *, optional: bool, context: bool = False) -> dict:
    """Short values with a marker in each text, and a large file in whatever may be cut."""
    values = {}
    for variable in PROMPTS[name].wording.variables:
        if not (variable.required or optional or (context and variable.cut is not None)):
            continue
        if variable.choices:
            values[variable.name] = variable.choices[0]
        elif variable.type is VariableType.INTEGER:
            values[variable.name] = 5
        elif variable.type is VariableType.BOOLEAN:
            values[variable.name] = True
        elif variable.type is VariableType.LIST:
            values[variable.name] = ["one", "two"]
        elif context and variable.cut is not None:
            values[variable.name] = large(variable.name)
        elif variable.type is VariableType.LINE:
            values[variable.name] = variable.name
        else:
            values[variable.name] = f"{MARKER}_{variable.name} = 1\n" * 30
    return values


def the_json(name: str, number: int):
    wording = PROMPTS[name].wording
    answer = parse_answer(wording.few_shot_examples[number].output, wording.decoding.output_schema)
    return json.loads(answer.output) if wording.decoding.output_schema else answer.output


def test_all_prompts_of_the_starter_library_are_there():
    assert {name: file.draft.use_case for name, file in PROMPTS.items()} == ASKED_FOR
    assert len(PROMPTS) >= 16


@pytest.mark.parametrize("name", NAMES)
def test_a_prompt_is_described_and_its_file_is_in_the_canonical_form(name):
    file = PROMPTS[name]
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name)
    assert shipped_files()[file_name(name)] == write_prompt(file.draft, file.wording)
    assert file.draft.description.endswith(".")
    assert file.draft.category is not Category.OTHER
    assert file.draft.use_case in set(Task)
    assert "starter" in file.draft.tags
    assert all(variable.description.endswith(".") for variable in file.wording.variables)
    assert check_wording(file.wording) == ()


@pytest.mark.parametrize("name", NAMES)
def test_its_temperature_is_within_the_range_of_its_kind(name):
    (kind,) = set(PROMPTS[name].draft.tags) & TEMPERATURES.keys()
    low, high = TEMPERATURES[kind]
    assert low <= PROMPTS[name].wording.temperature <= high


@pytest.mark.parametrize("name", NAMES)
def test_it_names_a_schema_unless_its_answer_is_shown_as_it_is(name):
    assert (PROMPTS[name].wording.decoding.output_schema is None) == (name in FREE_TEXT)


@pytest.mark.parametrize("name", NAMES)
def test_it_says_that_code_is_data_before_it_shows_any(name):
    system = rendered(name, values_for(name, optional=False)).messages[0]
    assert system.role == "system"
    assert "is data" in system.content or "are data" in system.content
    assert "instruction" in system.content or "never change these rules" in system.content


@pytest.mark.parametrize("name", NAMES)
def test_its_system_text_and_examples_are_the_same_whatever_it_is_asked(name):
    one = rendered(name, values_for(name, optional=False)).messages[:-1]
    other = rendered(name, values_for(name, optional=True)).messages[:-1]
    assert one == other


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("optional", [True, False], ids=["everything", "required only"])
def test_it_renders_whole_with_and_without_its_optional_variables(name, optional):
    values = values_for(name, optional=optional)
    result = rendered(name, values)
    assert result.cut == ()
    for variable in PROMPTS[name].wording.variables:
        if variable.type in (VariableType.CODE, VariableType.TEXT):
            marked = f"{MARKER}_{variable.name} = 1" in result.messages[-1].content
            assert marked == (variable.name in values)
    assert "\n\n\n" not in result.messages[-1].content.replace(MARKER, "")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("context", [4_096, 16_384])
def test_a_large_file_around_it_is_cut_and_nothing_else_is(name, context):
    wording = PROMPTS[name].wording
    cuttable = {variable.name for variable in wording.variables if variable.cut is not None}
    assert cuttable <= MAY_BE_CUT | MAY_BE_CUT_IN.get(name, set())
    values = values_for(name, optional=False, context=True)
    result = rendered(name, values, context)
    used = sum(count_tokens(message.content) for message in result.messages)
    assert used + wording.max_tokens <= context
    user = result.messages[-1].content
    for variable in values.keys() - cuttable:
        for line in str(values[variable]).splitlines():
            assert user.count(line) == str(values[variable]).count(line)
    assert {said.partition(":")[0] for said in result.cut} <= cuttable | {"examples"}
    assert bool(result.cut) == bool(cuttable) or context == 4_096
    short = rendered(name, values_for(name, optional=False))
    assert result.messages[0] == short.messages[0]
    for sentence in short.messages[-1].content.split("\n"):
        if MARKER not in sentence and not sentence.startswith("```"):
            assert sentence in user


@pytest.mark.parametrize(("name", "number"), EXAMPLES)
def test_an_example_fits_the_variables_and_its_answer_the_schema(name, number):
    shown = PROMPTS[name].wording.few_shot_examples[number]
    pair = rendered(name, values_for(name, optional=False)).messages[1 + 2 * number : 3 + 2 * number]
    assert [message.role for message in pair] == ["user", "assistant"]
    assert pair[1].content == shown.output
    assert the_json(name, number)


@pytest.mark.parametrize("name", NAMES)
def test_there_is_an_example(name):
    assert PROMPTS[name].wording.few_shot_examples


@pytest.mark.parametrize("name", ["review", "security-review", "security-review-whiterabbitneo", "diff-review"])
def test_reviews_show_that_nothing_may_be_found(name):
    answers = [the_json(name, number) for number in range(len(PROMPTS[name].wording.few_shot_examples))]
    assert any(not answer.get("findings", answer.get("comments")) for answer in answers)
    assert any(answer.get("findings", answer.get("comments")) for answer in answers)


def quotes(value) -> list[str]:
    """Every text that an answer says it copied."""
    if isinstance(value, dict):
        own = [value["quote"]] if "quote" in value else []
        return own + list(value.get("evidence", ())) + [found for item in value.values() for found in quotes(item)]
    return [found for item in value for found in quotes(item)] if isinstance(value, list) else []


@pytest.mark.parametrize(("name", "number"), EXAMPLES)
def test_what_an_example_quotes_stands_in_what_it_was_given(name, number):
    given = PROMPTS[name].wording.few_shot_examples[number].variables
    text = "\n".join(str(value) for value in given.values())
    if name == "diff-review":
        text = "\n".join(line[1:] if line[:1] in "+- " else line for line in text.split("\n"))
    found = quotes(the_json(name, number))
    for quote in found:
        assert quote in text
    if name in ("fix-finding", "optimize", "refactor"):
        assert found
        assert all(text.count(quote) == 1 for quote in found)


def edited(name: str) -> tuple[str, str]:
    """Code of an example before and after the edits of its answer."""
    code = PROMPTS[name].wording.few_shot_examples[0].variables["code"]
    answer = the_json(name, 0)
    after = code
    for edit in answer.get("edits", answer.get("steps")):
        after = after.replace(edit["quote"], edit["replacement"])
    return code, after


def defined(code: str, name: str):
    scope: dict = {}
    exec(compile(code, "<example>", "exec"), scope)  # our own example
    return scope[name]


def test_the_fix_shown_mends_the_flaw_and_keeps_the_behaviour():
    sqlite3 = pytest.importorskip("sqlite3")
    before, after = (defined(code, "find_user") for code in edited("fix-finding"))
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE users (id INTEGER, name TEXT)")
    connection.execute("INSERT INTO users VALUES (7, 'ada')")
    attack = "x' OR '1'='1"
    assert [before(connection, name) for name in ("ada", "bob", attack)] == [7, None, 7]
    assert [after(connection, name) for name in ("ada", "bob", attack)] == [7, None, None]
    connection.close()


@pytest.mark.parametrize(
    ("left", "right"), [([], []), (["a", "b", "a"], ["a", "b"]), (["b", "a", "c"], ["a", "b"]), (["x"], ["y"])]
)
def test_the_optimization_shown_keeps_the_results(left, right):
    before, after = (defined(code, "common") for code in edited("optimize"))
    assert before(left, right) == after(left, right)


@pytest.mark.parametrize("kind", ["car", "bike", "boat"])
@pytest.mark.parametrize("member", [True, False])
def test_the_refactoring_shown_keeps_the_results(kind, member):
    def result(code):
        try:
            return defined(code, "price")(kind, 3, member)
        except ValueError as error:
            return str(error)

    before, after = edited("refactor")
    assert result(before) == result(after)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1h30m", 5400), ("45s", 45), ("2h", 7200), ("90m", 5400), ("0s", 0), ("", None), ("1", None), ("1h ", None),
     ("5m1h", None)],
)  # fmt: skip
def test_the_code_generated_in_the_example_does_what_its_description_says(text, seconds):
    parse = defined(the_json("generate", 0)["code"], "parse_duration")
    if seconds is None:
        with pytest.raises(ValueError, match="not a duration"):
            parse(text)
    else:
        assert parse(text) == seconds


def test_the_completion_shown_makes_whole_code():
    shown = PROMPTS["complete"].wording.few_shot_examples[0]
    code = shown.variables["before"] + shown.output
    assert defined(code, "mean")([1.0, 2.0]) == 1.5
    with pytest.raises(ValueError, match="no values"):
        defined(code, "mean")([])
    ast.parse(f"{code}\n\n{shown.variables['after']}")


def test_the_unit_tests_shown_pass_on_the_code_shown_and_fail_on_a_wrong_one(tmp_path):
    shown = PROMPTS["unit-tests"].wording.few_shot_examples[0]
    answer = the_json("unit-tests", 0)
    (tmp_path / "test_bills.py").write_text(answer["code"])

    def run(code: str) -> subprocess.CompletedProcess:
        (tmp_path / "bills.py").write_text(code)
        command = [
            sys.executable,
            "-B",
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            tmp_path,
            tmp_path,
        ]
        alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        return subprocess.run(command, cwd=tmp_path, env=alone, capture_output=True, text=True, check=False)

    right = run(shown.variables["code"])
    assert right.returncode == 0, right.stdout
    assert run(shown.variables["code"].replace("share + 1", "share")).returncode == 1
    names = set(re.findall(r"def (test_\w+)", answer["code"]))
    assert {test["name"] for test in answer["tests"]} == names


@pytest.mark.parametrize(("name", "number"), EXAMPLES)
def test_python_in_an_example_is_python(name, number):
    given = PROMPTS[name].wording.few_shot_examples[number].variables
    if given.get("language") == "python" and "code" in given:
        ast.parse(given["code"])


def test_the_commit_message_shown_follows_its_own_rules():
    message = the_json("commit-message", 0)
    assert len(message["subject"]) <= 50
    assert all(len(line) <= 72 for line in message["body"].split("\n"))


def test_answers_shown_cite_only_what_they_were_given():
    for number in range(2):
        given = PROMPTS["answer-with-citations"].wording.few_shot_examples[number].variables
        answer = the_json("answer-with-citations", number)
        sources = dict(re.findall(r"^\[(\d+)\] (.+)$", given["passages"], re.MULTILINE))
        cited = set(re.findall(r"\[(\d+)\]", answer["answer"]))
        assert {sources[mark] for mark in cited} == {citation["source"] for citation in answer["citations"]}


def test_the_profile_for_whiterabbitneo_is_short_and_stops_where_it_would_run_on():
    wording = PROMPTS["security-review-whiterabbitneo"].wording
    assert wording.model_type == "whiterabbitneo"
    assert {"USER:", "\nUSER:"} <= set(wording.decoding.stop)
    assert len(wording.system_prompt) < len(PROMPTS["security-review"].wording.system_prompt) / 2
    assert wording.temperature == 0
