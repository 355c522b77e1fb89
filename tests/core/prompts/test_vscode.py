"""A prompt file of Visual Studio Code becomes a prompt whose rendering says what the file said."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codetune_core.domain.prompt import VariableType
from codetune_core.errors import PromptFileError
from codetune_core.prompts.check import check_wording
from codetune_core.prompts.files import read_prompt, write_prompt
from codetune_core.prompts.fit import RenderTarget
from codetune_core.prompts.render import render

FILE = """\
---
description: 'Write a form'
agent: 'agent'
model: GPT-5
tools: ['search/codebase', 'edit']
argument-hint: name of the form
---
Write a React form named ${input:formName:the form's name}.

Start from ${selection} in ${fileBasename}. Use [our rules](../rules.md) and #tool:search.
"""


def check(body: str, values: dict, said: str) -> None:
    wording = read_prompt(body, "x.prompt.md").wording
    result = render(wording, values, RenderTarget(10_000, len))
    assert [message.role for message in result.messages] == ["user"]
    assert result.messages[0].content == said


def test_a_file_is_read_with_its_variables_and_says_what_has_no_effect_here():
    file = read_prompt(FILE, "prompts/react-form.prompt.md")
    assert file.is_foreign
    assert (file.draft.name, file.draft.description) == ("react-form", "Write a form")
    assert [(variable.name, variable.type) for variable in file.wording.variables] == [
        ("form_name", VariableType.LINE), ("selection", VariableType.CODE), ("file_basename", VariableType.LINE),
    ]  # fmt: skip
    assert file.wording.variables[0].description == "the form's name"
    assert [note.partition(" ")[0] for note in file.notes] == ["'agent'", "'model'", "'tools'", "'argument-hint'"]
    assert check_wording(file.wording) == ()


def test_it_renders_with_selected_code_in_a_fence():
    values = {"form_name": "Login", "selection": "<a/>", "file_basename": "a.tsx"}
    check(
        FILE,
        values,
        "Write a React form named Login.\n\nStart from\n\n```\n<a/>\n```\n\n"
        "in a.tsx. Use [our rules](../rules.md) and #tool:search.",
    )


def test_it_is_written_in_our_format_and_says_the_same():
    file = read_prompt(FILE, "react-form.prompt.md")
    again = read_prompt(write_prompt(file.draft, file.wording), "other.prompt.md")
    assert (again.draft, again.wording, again.is_foreign) == (file.draft, file.wording, False)


@pytest.mark.parametrize(
    "body",
    [
        "a {{ name }} b", "{% for x in y %}", "{# note #}", "{{{ x }}}", "style={{color: 'red'}}", "100 %}", "{", "{{",
        "{%",
        "}} {{", "${unknown}", "${env:HOME}", "$ {x} ${", "{% raw %}", "{% endraw %}", "{{ '{{' }}", "# Heading\n\n- x",
    ],
)  # fmt: skip
def test_what_means_something_to_our_templates_is_text(body):
    check(body, {}, body)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(["{", "}", "%", "#", "{{", "x", " ", "${input:n}", "$", "-", '"', "raw", "\n"]), min_size=1
    )
)
def test_every_body_renders_as_it_stands_with_its_inputs_filled_in(pieces):
    body = "".join(pieces)
    if not body.strip():
        return
    values = {"n": "N"} if "${input:n}" in body else {}
    check(body, values, body.replace("${input:n}", "N").strip())


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("${input:name}", "name"), ("${input:fooBar}", "foo_bar"), ("${input:foo-bar}", "foo_bar"), ("${input:X}", "x"),
        ("${input:file}", "input_file"), ("${input:not}", "input_not"), ("${input:range}", "input_range"),
        ("${input:output_schema}", "input_output_schema"),
        ("${input:" + "a" * 80 + "}", "a" * 50), ("${selectedText}", "selection"), ("${file}", "file"),
        ("${fileDirname}", "file_dirname"), ("${fileBasenameNoExtension}", "file_basename_no_extension"),
        ("${workspaceFolder}", "workspace_folder"), ("${workspaceFolderBasename}", "workspace_folder_basename"),
    ],
)  # fmt: skip
def test_a_place_becomes_a_declared_variable(place, name):
    wording = read_prompt(f"Do {place}, then {place}.", "x.prompt.md").wording
    assert [variable.name for variable in wording.variables] == [name]
    assert wording.variables[0].description
    assert check_wording(wording) == ()


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("a/b/my-prompt.prompt.md", "my-prompt"), ("my prompt.prompt.md", "my prompt"), (".hidden.prompt.md", "hidden"),
        ("ü*.prompt.md", "ü"), ("notes.md", "notes"),
    ],
)  # fmt: skip
def test_a_file_without_a_name_is_named_after_itself(source, name):
    assert read_prompt("Text.", source).draft.name == name


def test_its_own_name_goes_before_that_of_the_file():
    assert read_prompt("---\nname: form\n---\nText.", "x.prompt.md").draft.name == "form"


def test_a_file_that_yields_no_name_says_so():
    with pytest.raises(PromptFileError, match="name"):
        read_prompt("Text.", "***.prompt.md")
