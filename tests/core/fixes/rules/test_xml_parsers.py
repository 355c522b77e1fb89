# ruff: noqa: E501 - a case stands on one line
import pytest

from codetune_core.domain.fix import Applicability


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import xml.etree.ElementTree as ET\n|ET.parse(x)", "import defusedxml.ElementTree as ET\n|ET.parse(x)"),
        (
            "import xml.etree.ElementTree as ET  # xml\n|ET.parse(x, parser=None).getroot()",
            "import defusedxml.ElementTree as ET  # xml\n|ET.parse(x, parser=None).getroot()",
        ),
        (
            "import os, xml.etree.ElementTree as ET, sys\n|ET.parse(x)",
            "import os, defusedxml.ElementTree as ET, sys\n|ET.parse(x)",
        ),
        (
            "import xml.etree.ElementTree as ET\n|[ET.tostring(ET.fromstring(x)), ET.iterparse(x, ['end']), ET.XML(x)]",
            "import defusedxml.ElementTree as ET\n|[ET.tostring(ET.fromstring(x)), ET.iterparse(x, ['end']), ET.XML(x)]",
        ),
        (
            "from xml.etree import ElementTree\n|ElementTree.fromstring(x)",
            "from defusedxml import ElementTree\n|ElementTree.fromstring(x)",
        ),
        (
            "from xml.etree import ElementTree as ET\n|ET.parse(x, ET.XMLParser(encoding='a'))",
            "from defusedxml import ElementTree as ET\n|ET.parse(x, ET.XMLParser(encoding='a'))",
        ),
        ("from xml.etree.ElementTree import parse\n|parse(x)", "from defusedxml.ElementTree import parse\n|parse(x)"),
        (
            "from xml.etree.ElementTree import fromstring as read, ParseError\n|read(x) or ParseError",
            "from defusedxml.ElementTree import fromstring as read, ParseError\n|read(x) or ParseError",
        ),
        (
            "from xml.etree.ElementTree import (\n    fromstring,  # parse\n    tostring,\n)\n|tostring(fromstring(x))",
            "from defusedxml.ElementTree import (\n    fromstring,  # parse\n    tostring,\n)\n|tostring(fromstring(x))",
        ),
        (
            "from xml.etree.ElementTree import Element, fromstring\n|fromstring(x) or Element('a')",
            "from defusedxml.ElementTree import fromstring\nfrom xml.etree.ElementTree import Element\n|fromstring(x) or Element('a')",
        ),
        (
            "import xml.etree.ElementTree\n|xml.etree.ElementTree.parse(x)",
            "import defusedxml.ElementTree\n|defusedxml.ElementTree.parse(x)",
        ),
        (
            "import xml.etree.ElementTree\n|[xml.etree.ElementTree.parse(x), xml.etree.ElementTree.XML(x)]",
            "import defusedxml.ElementTree\n|[defusedxml.ElementTree.parse(x), defusedxml.ElementTree.XML(x)]",
        ),
        (
            "import xml.sax\nimport xml.etree.ElementTree\n|[xml.etree.ElementTree.parse(x), xml.sax.ContentHandler]",
            "import xml.sax\nimport defusedxml.ElementTree\n|[defusedxml.ElementTree.parse(x), xml.sax.ContentHandler]",
        ),
    ],
)
def test_the_import_is_changed_where_every_use_allows_it(check_fix, before, after):
    before, after = (text.replace("|", "def f(x):\n    return ") + "  # read\n" for text in (before, after))
    fix = check_fix(before, after, "S314", applicability=Applicability.UNSAFE)
    assert "pip install defusedxml" in fix.note


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "import xml.etree.ElementTree as ET\n|[ET.parse(x), ET.Element]",
            "import xml.etree.ElementTree as ET\n\nimport defusedxml.ElementTree\n\n|[defusedxml.ElementTree.parse(x), ET.Element]",
        ),
        (
            "import xml.etree.ElementTree as ET\n|[ET.parse(x), ET]",
            "import xml.etree.ElementTree as ET\n\nimport defusedxml.ElementTree\n\n|[defusedxml.ElementTree.parse(x), ET]",
        ),
        (
            "import xml.etree.ElementTree\n|[xml.etree.ElementTree.parse(x), xml.etree.ElementTree.Element]",
            "import xml.etree.ElementTree\n\nimport defusedxml.ElementTree\n\n|[defusedxml.ElementTree.parse(x), xml.etree.ElementTree.Element]",
        ),
        (
            "from xml.etree import ElementTree as ET, ElementPath\n|[ET.parse(x), ElementPath]",
            "from xml.etree import ElementTree as ET, ElementPath\n\nimport defusedxml.ElementTree\n\n|[defusedxml.ElementTree.parse(x), ElementPath]",
        ),
        (
            "import xml.etree.ElementTree as ET\nimport defusedxml.ElementTree as D\n|[ET.parse(x), ET.Element]",
            "import xml.etree.ElementTree as ET\nimport defusedxml.ElementTree as D\n|[D.parse(x), ET.Element]",
        ),
        (
            "import xml.etree.ElementTree as ET\nfrom defusedxml.ElementTree import parse\n|[ET.parse(x), ET.Element]",
            "import xml.etree.ElementTree as ET\nfrom defusedxml.ElementTree import parse\n|[parse(x), ET.Element]",
        ),
    ],
)
def test_elsewhere_only_the_call_is_changed(check_fix, before, after):
    before, after = (text.replace("|", "def f(x):\n    return ") + "\n" for text in (before, after))
    check_fix(before, after, "S314")


def test_a_quoted_annotation_keeps_the_import(check_fix):
    before = (
        "import xml.etree.ElementTree as ET\ndef f(x) -> 'list[ET.Element]':\n\treturn list(ET.parse(x).getroot())\n"
    )
    after = before.replace("ET.parse", "defusedxml.ElementTree.parse")
    after = after.replace("as ET\n", "as ET\n\nimport defusedxml.ElementTree\n\n")
    check_fix(before, after, "S314")


def test_an_import_with_a_fallback_is_kept(check_fix):
    text = (
        "try:\n    import xml.etree.cElementTree as ET\nexcept ImportError:\n    import xml.etree.ElementTree as ET\n"
        "def f(x): return ET.parse(x)\n"
    )
    after = "import defusedxml.ElementTree\n\n" + text.replace("ET.parse", "defusedxml.ElementTree.parse")
    check_fix(text, after, "S314")


@pytest.mark.parametrize("start", ["\ufeff", "'ä😀'; ", "\ufeff'ä😀'; ", "\x0c"])
def test_columns_are_counted_in_characters(check_fix, start):
    text = f"{start}import xml.dom.minidom\nx = '😀'; y = ('ä', xml.dom.minidom.parse(x))\n"
    check_fix(text, text.replace("xml.dom", "defusedxml"), "S318")


def test_one_swap_removes_every_finding(check_fix):
    text = "import xml.{0} as m\r\ndef f(x):\r\n\treturn m.parse(x)\r\ndef g(x):\r\n\treturn m.parseString(x)\r\n"
    before = text.format("dom.minidom")
    check_fix(before, before.replace("xml.dom.minidom", "defusedxml.minidom"), "S318", at=1)


@pytest.mark.parametrize(
    ("twins", "call", "rule"),
    [
        (("xml.etree.cElementTree", "defusedxml.ElementTree"), "parse(x)", "S313"),
        (("xml.etree.cElementTree", "defusedxml.ElementTree"), "fromstring(x)", "S313"),
        (("xml.dom.minidom", "defusedxml.minidom"), "parse(x)", "S318"),
        (("xml.dom.minidom", "defusedxml.minidom"), "parseString(x)", "S318"),
        (("xml.dom.pulldom", "defusedxml.pulldom"), "parse(x, None, 1)", "S319"),
        (("xml.dom.pulldom", "defusedxml.pulldom"), "parseString(x)", "S319"),
        (("xml.dom.expatbuilder", "defusedxml.expatbuilder"), "parse(x)", "S316"),
        (("xml.dom.expatbuilder", "defusedxml.expatbuilder"), "parseString(x, False)", "S316"),
        (("xml.sax", "defusedxml.sax"), "parse(x, None)", "S317"),
        (("xml.sax", "defusedxml.sax"), "parseString(x, None)", "S317"),
        (("xml.sax", "defusedxml.sax"), "make_parser()", "S317"),
        (("xml.sax.expatreader", "defusedxml.expatreader"), "create_parser()", "S315"),
    ],
)
@pytest.mark.parametrize("form", ["import {0} as m|m.{1}", "import {0}|{0}.{1}", "from {0} import {2}|{2}{3}"])
def test_every_parser_has_its_defused_twin(check_fix, twins, call, rule, form):
    name, _, arguments = call.partition("(")
    text = (form + "\n").replace("|", "\nx = None\ny = ")
    before, after = (text.format(each, call, name, f"({arguments}") for each in twins)
    check_fix(before, after, rule)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("import xml.etree.ElementTree as ET\ndef f(x, p): return ET.fromstring(x, p)\n", "S314"),
        ("import xml.etree.ElementTree as ET\ndef f(x, p): return ET.fromstring(x, parser=p)\n", "S314"),
        ("import xml.etree.ElementTree as ET\ndef f(x): return ET.parse(*x)\n", "S314"),
        ("import xml.etree.ElementTree as ET\ndef f(x): return ET.parse(**x)\n", "S314"),
        ("import xml.sax\ndef f(x): return xml.sax.make_parser(x, x)\n", "S317"),
    ],
)
def test_arguments_that_defusedxml_understands_otherwise(check_declined, text, rule):
    assert check_declined(text, rule) == []
