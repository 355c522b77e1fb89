"""A wording that could fail in use is refused when it is written."""

import pytest

from codetune_core.domain.prompt import Decoding, FewShotExample, Variable, Wording
from codetune_core.errors import RenderError
from codetune_core.prompts.check import check_wording
from codetune_core.prompts.fit import RenderTarget
from codetune_core.prompts.render import render

CODE = Variable(name="code", type="code")
LANGUAGE = Variable(name="language", type="line", default="python")


def check(template="{{ code }}", *variables, system="", examples=(), schema=None):
    """Notices of a wording."""
    return check_wording(
        Wording(
            system_prompt=system,
            user_prompt_template=template,
            variables=variables or (CODE,),
            few_shot_examples=tuple(FewShotExample(variables=given, output=output) for given, output in examples),
            decoding=Decoding(output_schema=schema),
        )
    )


def refused(*args, **kwargs):
    with pytest.raises(RenderError) as caught:
        check(*args, **kwargs)
    return str(caught.value)


@pytest.mark.parametrize(
    ("template", "variables", "rest"),
    [
        ("{{ code }}", (CODE,), {}),
        ("{{ code }}", (CODE, LANGUAGE), {}),
        ("{{ code }}", (CODE, Variable(name="code_language", type="line", default="c")), {}),
        ("{{ chain_of_thought }}\n{{ code }}", (CODE,), {}),
        ("{{ code }}", (CODE,), {"system": "{{ output_schema }}", "schema": "findings"}),
        ("{{ code }}", (CODE,), {"examples": [({"code": "x"}, "fine")]}),
        (
            "{{ code }}{{ output_schema }}",
            (CODE,),
            {"schema": "summary", "examples": [({"code": "x"}, '{"summary": "y"}')]},
        ),
        ("{{ 10 / n }}", (Variable(name="n", type="integer"),), {}),
        ("{{ 10 / n }}", (Variable(name="n", type="number", minimum=2.5),), {}),
        ("{{ n }}", (Variable(name="n", type="integer", minimum=2.5, maximum=9),), {}),
        ("{{ n }}", (Variable(name="n", type="integer", maximum=-3),), {}),
        ("{{ n }}", (Variable(name="n", type="integer", choices=(4, 5)),), {}),
        ("{{ a|join }}", (Variable(name="a", type="list", choices=("x", "y")),), {}),
        ("{{ a|join }}", (Variable(name="a", type="list"),), {}),
        ("{{ a }}", (Variable(name="a", type="line", choices=("only", "these")),), {}),
        ("{% if f %}{{ f }}{% endif %}", (Variable(name="f", type="boolean"),), {}),
        ("{% if n %}{{ n }}{% endif %}", (Variable(name="n", type="integer", required=False),), {}),
        ("plain", (), {}),
    ],
)
def test_a_sound_wording_has_nothing_to_be_said(template, variables, rest):
    assert (
        check_wording(
            Wording(
                user_prompt_template=template,
                variables=variables,
                system_prompt=rest.get("system", ""),
                decoding=Decoding(output_schema=rest.get("schema")),
                few_shot_examples=tuple(FewShotExample(variables=v, output=o) for v, o in rest.get("examples", ())),
            )
        )
        == ()
    )


@pytest.mark.parametrize(
    ("arguments", "rest", "said"),
    [
        (["{{ cod }}"], {}, "cod is used but not declared; did you mean code?"),
        (["{{ code }}{{ zzz }}"], {}, "zzz is used but not declared; declare it under variables"),
        (["{{ code }}{{ chain_of_though }}"], {}, "did you mean chain_of_thought?"),
        (["{{ code }}"], {"system": "{{ cod }}"}, "cod is used but not declared"),
        (["{{ code"], {}, "user's template: "),
        (["{{ code }}"], {"system": "{% if %}"}, "system prompt: "),
        (["{{ code }}"], {"system": "{{ code }}"}, "move it from the system prompt"),
        (["{{ code|upper }}"], {}, "code is untrusted"),
        (["```\n{{ code }}\n```"], {}, "code gets a fence by itself"),
        (
            ["{% if n %}{% else %}{{ n }}{% endif %}", Variable(name="n", type="integer", required=False)],
            {},
            "without a value",
        ),
        (["{{ n }}", Variable(name="n", type="integer", required=False)], {}, "without a value"),
        (["{{ a }}", Variable(name="a", type="list")], {}, "use a loop or |join"),
        (["{{ 1 / n }}", Variable(name="n", type="integer", default=0)], {}, "division by zero"),
        (["{{ code }}{{ output_schema }}"], {}, "decoding names no output_schema"),
        (["{{ code }}"], {"schema": "finding"}, "did you mean findings?"),
        (["{{ code }}"], {"schema": "zzz"}, "there are findings, "),
        (["{{ code }}"], {"examples": [({}, "x")]}, "example 1: The variables do not fit the prompt:\n- code: missing"),
        (["{{ code }}"], {"examples": [({"code": "x"}, "y"), ({"kode": "x", "code": "x"}, "y")]}, "example 2: "),
        (
            ["{{ code }}"],
            {"examples": [({"code": "x"}, "no json")], "schema": "summary"},
            "example 1: The answer has no JSON",
        ),
        (["{{ code }}"], {"examples": [({"code": "x"}, "<thinking>hm")]}, "example 1: The model stopped"),
        (["{{ n }}", Variable(name="n", type="integer", default="x")], {}, "n: must be an integer"),
        (["{{ n }}", Variable(name="n", type="line", cut=1)], {}, "only text and code can be cut"),
        *[
            (["x", Variable(name=name)], {}, f"{name}: this name means something")
            for name in ("chain_of_thought", "output_schema", "loop", "range", "if", "not", "true", "self")
        ],
    ],
)
def test_a_wording_that_could_fail_is_refused(arguments, rest, said):
    assert said in refused(*arguments, **rest)


def test_all_problems_are_told_at_once():
    said = refused("{{ cod }}{{ zzz }}{{ output_schema }}", CODE)
    assert said.startswith("This wording cannot be used:\n")
    assert len(said.split("\n- ")) == 4


@pytest.mark.parametrize(
    ("arguments", "rest", "notice"),
    [
        (["x"], {}, "code is declared and never used"),
        (["{{ x }}", Variable(name="x", type="line"), LANGUAGE], {}, "language is declared and never used"),
        (["{{ code }}"], {"schema": "findings"}, "no {{ output_schema }} tells the model so"),
    ],
)
def test_what_is_odd_but_allowed_is_said(arguments, rest, notice):
    assert notice in " ".join(check(*arguments, **rest))


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_wording_that_passed_renders(count):
    wording = Wording(
        system_prompt="{{ output_schema }}",
        user_prompt_template="{% for r in rules %}\n- {{ r }}\n{% endfor %}\n{{ code }}",
        variables=(CODE, Variable(name="rules", type="list")),
        decoding=Decoding(output_schema="findings"),
    )
    check_wording(wording)
    values = {"code": "x", "rules": [f"rule {n}" for n in range(count)]}
    assert render(wording, values, RenderTarget(10**6, len)).messages[-1].content.count("- rule") == count
