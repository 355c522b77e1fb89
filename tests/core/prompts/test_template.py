"""A template prints, chooses and repeats; it cannot reach out, run away or take a value for a template."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codetune_core.domain.fence import Piece
from codetune_core.errors import RenderError
from codetune_core.prompts.template import MAX_STEPS, MAX_TEMPLATE, Fenced, Trusted, compile_template

VALUES = {
    "name": "a name",
    "code": Fenced("code", "x = 1\n", "python"),
    "nothing": Fenced("nothing", ""),
    "number": 3,
    "ratio": 0.5,
    "flag": True,
    "absent": None,
    "items": ["one", "two", "three"],
    "hint": Trusted("a hint"),
}


def printed(template, **values):
    """What a template prints, a fenced text shown as <name>."""
    pieces = compile_template(template).pieces({**VALUES, **values})
    return "".join(piece.text if isinstance(piece, Piece) else f"<{piece.name}>" for piece in pieces)


def refused(template, **values):
    with pytest.raises(RenderError) as caught:
        printed(template, **values)
    return str(caught.value)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("{{ name }}", "a name"),
        ("{{ name | upper }}!", "A NAME!"),
        ("{{ number + 1 }}", "4"),
        ("{{ number * 2 - 1 }} {{ 7 // 2 }} {{ 7 % 4 }} {{ 1 / 2 }} {{ -number }}", "5 3 3 0.5 -3"),
        ("{{ ratio }}", "0.5"),
        ("{{ flag }}", "true"),
        ("{{ not flag }}", "false"),
        ("{{ code }}", "<code>"),
        ("{% if code %}yes{% endif %}", "yes"),
        ("{% if nothing %}yes{% else %}no{% endif %}", "no"),
        ("{{ code if code else name }}", "<code>"),
        ("{{ nothing or name }}", "a name"),
        ("{{ code|length }}", "6"),
        (
            "{% for i in items %}{{ loop.index }}.{{ i }}{% if not loop.last %}, {% endif %}{% endfor %}",
            "1.one, 2.two, 3.three",
        ),
        ("{% for i in items if i != 'two' %}{{ i }} {% endfor %}", "one three "),
        ("{% for i in [] %}x{% else %}none{% endfor %}", "none"),
        ("{% for i in range(3) %}{{ i }}{% endfor %}", "012"),
        (
            "{% for i in items|sort|reverse %}{{ i[0:1] if false else i }} {% endfor %}".replace(
                "i[0:1] if false else ", ""
            ),
            "two three one ",
        ),
        ("{{ items|join(', ') }}", "one, two, three"),
        ("{{ items|first }} {{ items|last }} {{ items|length }}", "one three 3"),
        ("{{ items|unique|join('/') }}", "one/two/three"),
        ("{% if name in ['a name', 'b'] %}in{% endif %}", "in"),
        ("{% if number is odd and number > 2 %}odd{% elif flag %}flag{% endif %}", "odd"),
        ("{% if absent is none %}none{% endif %}", "none"),
        ("{{ absent|default('-', true) }}", "-"),
        ("{% raw %}{{ name }} {% if %}{% endraw %}", "{{ name }} {% if %}"),
        ("{# nothing to see #}x", "x"),
        ("{'a': {'b': 1}}", "{'a': {'b': 1}}"),
        ("${HOME} %s {0} #{x}", "${HOME} %s {0} #{x}"),
        ("a\n{% if flag %}\nb\n{% endif %}\nc", "a\nb\nc"),
        ("a\n  {% for i in items %}\n- {{ i }}\n  {% endfor %}\nc", "a\n- one\n- two\n- three\nc"),
        ("{{ hint }}", "a hint"),
        ("{{ '```' }}", "```"),
    ],
)
def test_a_template_prints_chooses_and_repeats(template, text):
    assert printed(template) == text


@pytest.mark.parametrize(
    "template",
    [
        "{{ name.__class__ }}",
        "{{ name.__class__.__mro__[1].__subclasses__() }}",
        "{{ ''.__class__ }}",
        "{{ (1).__class__ }}",
        "{{ name['__class__'] }}",
        "{{ name|attr('__class__') }}",
        "{{ self }}",
        "{{ self._TemplateReference__context }}",
        "{{ loop }}",
        "{{ range.__globals__ }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ lipsum.__globals__ }}",
        "{{ lipsum(n=1000000) }}",
        "{{ namespace() }}",
        "{{ joiner() }}",
        "{{ dict() }}",
        "{{ name.upper() }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{{ '%s'|format(1) }}",
        "{{ '%s' % name }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '{:>1000000000}'.format(1) }}",
        "{{ name|format }}",
        "{{ name|pprint }}",
        "{{ items.append(1) }}",
        "{{ items.clear() }}",
        "{{ items.pop }}",
        "{{ code.text }}",
        "{{ code['text'] }}",
        "{% set x = 1 %}",
        "{% set x %}{{ code }}{% endset %}",
        "{% macro m() %}{% endmacro %}",
        "{% call m() %}{% endcall %}",
        "{% filter upper %}{{ code }}{% endfilter %}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% from 'x' import y %}",
        "{% extends 'x' %}",
        "{% block b %}{% endblock %}",
        "{% autoescape true %}{% endautoescape %}",
        "{% do x %}",
        "{% for a, b in items %}{% endfor %}",
        "{% for a in items recursive %}{{ loop(a) }}{% endfor %}",
        "{{ loop.cycle(1) }}",
        "{% with x = 1 %}{{ x }}{% endwith %}",
        "{% debug %}",
        "{% trans %}x{% endtrans %}",
        "{{ loop.__init__ }}",
        "{{ [name, name] }}",
        "{{ {'a': 1} }}",
        "{{ {'a': 1}|xmlattr }}",
        "{{ name ~ name }}",
        "{{ name|safe }}",
        "{{ name|list }}",
        "{{ items|map('upper') }}",
        "{{ items|map(attribute='__class__')|join }}",
        "{{ name|counted }}",
        "{{ items|tojson }}",
        "{{ name|urlize }}",
        "{{ range(3)|batch(1000000000, 'x') }}",
        "{{ name|replace('a', 'aaaa') }}",
        "{{ name|center(1000000000) }}",
        "{{ name|indent(1000000000) }}",
        "{{ 9 ** 9 }}",
        "{{ 1.5|round(1000000000, 'ceil') }}",
        "{{ items[0] }}",
        "{{ name[::-1] }}",
        "{% for k in {'a': 1} %}{% endfor %}",
        "{% break %}",
    ],
)
def test_a_template_reaches_nothing(template):
    refused(template)


@pytest.mark.parametrize(
    "template",
    [
        "{% for i in range(1000000000) %}{% endfor %}",
        "{% for i in range(0, 1000000000, 1) %}{% endfor %}",
        "{% for a in range(1000) %}{% for b in range(1000) %}{% endfor %}{% endfor %}",
        "{% for a in range(99) %}{% for b in items %}{% for c in range(99) %}{% endfor %}{% endfor %}{% endfor %}",
        "{{ range(1000000000)|sort|length }}",
        "{{ range(1000000000)|length }}",
        "{% for a in range(1000000000)|reverse %}{% endfor %}",
        "{% if 5 in range(1000000000)|unique %}{% endif %}",
        "{{ range(1000000000)|max }}",
        "{{ 'a' * 1000000000 }}",
        "{{ 1000000000 * 'a' }}",
        "{{ [1] * 1000000000 }}",
        "{{ name + name }}",
        "{{ items + items }}",
        "{{ " + "9" * 5000 + " }}",
        "{{ " + " * ".join(["999999999"] * 600) + " }}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{{ " + "+".join("1" * 5000) + " }}",
        "{{ " + "not " * 5000 + "1 }}",
        "{% if 1 %}" * 3000 + "{% endif %}" * 3000,
        "{% for a in items %}" * 40 + "{% endfor %}" * 40,
        "{% for a in range(9999) %}" + "x" * 90_000 + "{% endfor %}",
        "x" * (MAX_TEMPLATE + 1),
    ],
    ids=range(23),
)
def test_a_template_cannot_run_away(template):
    refused(template)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ code|upper }}", "code is untrusted"),
        ("{{ code|default('x')|trim }}", "code is untrusted"),
        ("{{ code|join }}", "join works on a list"),
        ("{{ code + 'x' }}", "works on numbers only"),
        ("{% if code == 'x' %}{% endif %}", "does not compare"),
        ("{% if code in ['x'] %}{% endif %}", "does not compare"),
        ("{% if code is eq 'x' %}{% endif %}", "does not compare"),
        ("{{ 'x' in code }}", "cannot be rendered"),
        ("{% for c in code %}{{ c }}{% endfor %}", "a loop runs over a list"),
        ("{% for c in name %}{{ c }}{% endfor %}", "a loop runs over a list"),
        ("{{ code|first }}", "cannot be rendered"),
        ("{{ absent }}", "put it inside {% if"),
        ("{{ items }}", "a list: use a loop or |join"),
        ("{{ undeclared }}", "'undeclared' is undefined"),
        ("{% if undeclared %}{% endif %}", "'undeclared' is undefined"),
        ("{% for i in undeclared %}{% endfor %}", "a loop runs over a list"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("line one\n{{ oops", "line 2"),
        ("\n\n{% set x = 1 %}", "line 3"),
        ("{{ name|nosuch }}", "nosuch"),
        ("{{ name is nosuch }}", "nosuch"),
        ("{{ '\\x00Fcode\\x00' }}", "NUL"),
        ("\x00Fcode\x00", "NUL"),
        ("{{ name }}", "NUL"),
        ("{{ range }}", "only texts and numbers"),
    ],
)
def test_a_mistake_is_said_in_words(template, said):
    values = {"name": "a\x00b"} if said == "NUL" else {}
    assert said in refused(template, **values)


@pytest.mark.parametrize(
    "value",
    [
        "{{ 7 * 7 }}",
        "{% for x in y %}",
        "{# gone #}",
        "{% raw %}",
        "{% endraw %}",
        "{{ name }}",
        "}}",
        "%}",
        "{{",
        "{%",
        "{%- -%}",
    ],
)
@pytest.mark.parametrize("template", ["{{ name }}", "{% if name %}{{ name }}{% endif %}", "a{{ items|join }}"])
def test_a_value_is_never_a_template(template, value):
    assert value in printed(template, name=value, items=[value])


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_characters="\x00"), max_size=60))
def test_a_value_comes_out_as_it_went_in(value):
    assert printed("<{{ name }}>", name=value) == f"<{value}>"


@settings(max_examples=100, deadline=None)
@given(st.text("{}%#-+'\"()[]|.~*/ \nabcodefnirs019_", max_size=60))
def test_any_text_is_a_template_or_refused(template):
    try:
        printed(template)
    except RenderError as error:
        assert str(error)  # noqa: PT017 - either is right


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("{{ a }}{% if b %}{{ c|upper }}{% endif %}", {"a", "b", "c"}),
        ("{% for x in xs %}{{ x }}{{ loop.index }}{% endfor %}", {"xs"}),
        ("{% for x in x %}{{ x }}{% endfor %}", {"x"}),
        ("{% for x in xs if x > y %}{% else %}{{ z }}{% endfor %}{{ x }}", {"xs", "y", "z", "x"}),
        ("{% for i in range(n) %}{% endfor %}", {"n"}),
        ("{% raw %}{{ a }}{% endraw %}", set()),
        ("{% for x in xs %}{% for y in ys %}{{ x }}{{ y }}{% endfor %}{{ y }}{% endfor %}", {"xs", "ys", "y"}),
    ],
)
def test_a_template_tells_which_variables_it_names(template, names):
    assert compile_template(template).names == names


def test_every_render_has_its_own_allowance():
    template = "{% for i in range(" + str(MAX_STEPS // 2) + ") %}{% endfor %}done"
    assert [printed(template) for _ in range(3)] == ["done"] * 3


def test_what_is_printed_is_the_values_and_what_stands_around_it_is_the_templates():
    pieces = list(compile_template("a {{ name }} b {{ hint }}").pieces(VALUES))
    assert [(piece.text, piece.trusted) for piece in pieces if piece.text] == [
        ("a ", True), ("a name", False), (" b ", True), ("a hint", True),
    ]  # fmt: skip
