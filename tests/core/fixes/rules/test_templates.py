# ruff: noqa: E501 - a case stands on one line
import pytest

from codetune_core.domain.fix import Applicability

SELECT = "autoescape=jinja2.select_autoescape()"


@pytest.mark.parametrize(
    ("arguments", "fixed"),
    [
        ("", SELECT),
        ("loader=x", f"loader=x, {SELECT}"),
        ("autoescape=False", SELECT),
        ("autoescape = False, loader=x", "autoescape = jinja2.select_autoescape(), loader=x"),
        ("autoescape=None", SELECT),
        ("loader=x,", f"loader=x, {SELECT},"),
        (
            "\n    loader=x,  # files\n    autoescape=False,  # text\n",
            f"\n    loader=x,  # files\n    {SELECT},  # text\n",
        ),
        ("\n    loader=x,  # files\n", f"\n    loader=x,  # files\n    {SELECT},\n"),
        ("\n\tloader=x\n", f"\n\tloader=x,\n\t{SELECT}\n"),
        ('loader=jinja2.FileSystemLoader(f"{x}")', f'loader=jinja2.FileSystemLoader(f"{{x}}"), {SELECT}'),
    ],
)
def test_an_environment_escapes(check_fix, arguments, fixed):
    text = "import jinja2\nx = None\ne = jinja2.Environment({})  # mail\n"
    check_fix(text.format(arguments), text.format(fixed), "S701", applicability=Applicability.UNSAFE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "import jinja2 as j\ne = j.Environment()\n",
            "import jinja2 as j\ne = j.Environment(autoescape=j.select_autoescape())\n",
        ),
        (
            "from jinja2 import Environment\ne = Environment()\n",
            "from jinja2 import Environment, select_autoescape\ne = Environment(autoescape=select_autoescape())\n",
        ),
        (
            "from jinja2 import Environment as E, select_autoescape\ne = E(autoescape=False)\n",
            "from jinja2 import Environment as E, select_autoescape\ne = E(autoescape=select_autoescape())\n",
        ),
        (
            "from jinja2 import Environment\r\ne = [\r\n\tEnvironment(autoescape=False)\r\n]\r\n",
            "from jinja2 import Environment, select_autoescape\r\ne = [\r\n\tEnvironment(autoescape=select_autoescape())\r\n]\r\n",
        ),
        (
            "import jinja2\ndef f(select_autoescape): return jinja2.Environment(autoescape=False)\n",
            f"import jinja2\ndef f(select_autoescape): return jinja2.Environment({SELECT})\n",
        ),
        (
            "import jinja2\ne = jinja2.Environment(autoescape=False).from_string('x')\n",
            f"import jinja2\ne = jinja2.Environment({SELECT}).from_string('x')\n",
        ),
    ],
)
def test_select_autoescape_is_reached_by_the_imports_that_are_there(check_fix, before, after):
    check_fix(before, after, "S701")


@pytest.mark.parametrize("arguments", ["**x", "autoescape=x", "autoescape=lambda name: False", "*x"])
def test_an_environment_that_decides_elsewhere_is_left_alone(check_declined, arguments):
    assert check_declined(f"import jinja2\nx = []\ne = jinja2.Environment({arguments})\n", "S701") == []


@pytest.mark.parametrize("call", ["Template('x')", "Template(x, default_filters=['h'])"])
def test_mako_is_only_explained(check_declined, call):
    (shown,) = check_declined(f"from mako.template import Template\nx = ''\ny = {call}\n", "S702")
    assert "default_filters" in shown.note


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('Markup(f"<b>{x}</b>")', 'Markup("<b>{}</b>").format(x)'),
        ("Markup(f'<b>{x.y[0]}</b>{ z }')", "Markup('<b>{}</b>{}').format(x.y[0], z)"),
        ('Markup(rf"\\d{x}")', 'Markup(r"\\d{}").format(x)'),
        ('Markup(f"{x:>10} {z!r} {z!s:5}")', 'Markup("{:>10} {!r} {!s:5}").format(x, z, z)'),
        ('Markup(f"{{a}} {x}")', 'Markup("{{a}} {}").format(x)'),
        ('Markup(f"""<b>\n    {x}\n    </b>""")', 'Markup("""<b>\n    {}\n    </b>""").format(x)'),
        ('Markup("<b>%s</b>" % x)', 'Markup("<b>%s</b>") % x'),
        ('Markup("<b>%s%s</b>" % (x, z))', 'Markup("<b>%s%s</b>") % (x, z)'),
        ('Markup("<b>%(a)s</b>" % {"a": x})', 'Markup("<b>%(a)s</b>") % {"a": x}'),
        ('Markup("<b>{}</b>".format(x))', 'Markup("<b>{}</b>").format(x)'),
        ('Markup("<b>{a}</b>".format(a=x, **z))', 'Markup("<b>{a}</b>").format(a=x, **z)'),
        ('Markup("<b>" + x + "</b>")', 'Markup("<b>") + x + Markup("</b>")'),
        ('Markup(x + "<br>" + z)', 'x + Markup("<br>") + z'),
        ('Markup("<b>" + x).strip()', '(Markup("<b>") + x).strip()'),
        ('Markup("<b>%s" % x) * 2', '(Markup("<b>%s") % x) * 2'),
        ('g(Markup("<b>%s" % x), z)', 'g(Markup("<b>%s") % x, z)'),
        ('Markup(f"{x, z}{(x, z)}")', 'Markup("{}{}").format((x, z), (x, z))'),
        ("Markup(x)", "escape(x)"),
        ("Markup(x.y)", "escape(x.y)"),
        ("Markup(x[0])", "escape(x[0])"),
        ("Markup(g(x)).strip()", "escape(g(x)).strip()"),
    ],
)
def test_what_goes_into_markup_is_escaped(check_fix, before, after):
    text = "from markupsafe import Markup, escape\ndef f(x, z, g):\n    return {}  # html\n"
    fix = check_fix(text.format(before), text.format(after), "S704", applicability=Applicability.UNSAFE)
    assert "escaped" in fix.note


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "import markupsafe\ndef f(x): return markupsafe.Markup(f'{x}')\n",
            "import markupsafe\ndef f(x): return markupsafe.Markup('{}').format(x)\n",
        ),
        (
            "import markupsafe as m\ndef f(x): return m.Markup(x)\n",
            "import markupsafe as m\ndef f(x): return m.escape(x)\n",
        ),
        (
            "from markupsafe import Markup as M\ndef f(x): return M('<b>%s' % x)\n",
            "from markupsafe import Markup as M\ndef f(x): return M('<b>%s') % x\n",
        ),
        (
            "from markupsafe import Markup\r\ndef f(x):\r\n\treturn Markup(x)\r\n",
            "from markupsafe import Markup, escape\r\ndef f(x):\r\n\treturn escape(x)\r\n",
        ),
        (
            "from flask import Markup\ndef f(x): return Markup(f'{x}')\n",
            "from flask import Markup\ndef f(x): return Markup('{}').format(x)\n",
        ),
    ],
)
def test_markup_is_known_under_every_name(check_fix, before, after):
    check_fix(before, after, "S704")


@pytest.mark.parametrize(
    "call",
    [
        'Markup(f"{x=}")',
        'Markup(f"{x:{x}}")',
        "Markup(x + x)",
        'Markup("<b>" + f"<i>{x}")',
        'Markup("<b>" + (x or x))',
        "Markup(*x)",
        'Markup(f"a" f"{x}")',
        "Markup([y for y in x][0] or x)",
    ],
)
def test_what_cannot_be_split_is_left_alone(check_declined, call):
    assert check_declined(f"from markupsafe import Markup\ndef f(x): return {call}\n", "S704") == []
