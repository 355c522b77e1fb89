"""A document becomes units that change their keys only with their own code and what they use."""

import pytest

from codetune_core.domain.document import Document
from codetune_core.domain.text import Position
from codetune_core.model_reviewer.units import read

SOURCE = '''"""Shop."""
import os
from prices import (
    price,
)

RATE = 2


def rounded(value):
    return round(value * RATE)


class Shop:
    """Sells."""

    name = "shop"

    @staticmethod
    @cached(
        size=1
    )
    def pay(amount):
        def inner():
            return price(amount)

        return rounded(inner())

    async def close(self):
        return self.pay(1)


if __name__ == "__main__":
    Shop().close()
'''


def units(text=SOURCE, language="python"):
    return {unit.name: unit for unit in read(Document("file:///a", text, language)).units}


def changed(old, new):
    """Names of units whose keys an edit changes."""
    assert old in SOURCE
    before, after = units(), units(SOURCE.replace(old, new))
    return {name for name in after if name not in before or after[name].key != before[name].key}


def test_every_outermost_function_is_a_unit_and_the_rest_of_the_module_is_one():
    assert list(units()) == ["", "rounded", "Shop.pay", "Shop.close"]


def test_decorators_and_nested_functions_belong_to_the_function():
    unit = units()["Shop.pay"]
    assert unit.text.splitlines()[0] == "    @staticmethod"
    assert unit.symbols == ("Shop.pay", "Shop.pay.inner")


def test_the_units_share_no_line_and_leave_none_out():
    document = Document("file:///a", SOURCE, "python")
    every = read(document).units
    for line in range(len(document.lines)):
        assert sum(unit.contains(Position(line, 0)) for unit in every) == 1


def test_a_unit_is_told_what_it_uses_of_its_document_and_nothing_else():
    context = units()["Shop.pay"].context
    assert "def rounded(value):\n    return round(value * RATE)" in context
    assert "    price," in context
    assert "class Shop:" in context
    assert "import os" not in context
    assert "close" not in context


def test_a_module_is_told_headers_only():
    assert "async def close(self):" in units()[""].context
    assert "return self.pay(1)" not in units()[""].context


@pytest.mark.parametrize(
    ("old", "new", "keys"),
    [
        ("round(value * RATE)", "round(value)", {"rounded", "Shop.pay"}),
        ("RATE = 2", "RATE = 3", {"", "rounded"}),
        ("import os", "import os, sys", {""}),
        ("return self.pay(1)", "return self.pay(2)", {"Shop.close"}),
        ("    price,", "    price,  # net", {"", "Shop.pay"}),
        ("import os\n", "import os\n\n\n\n", set()),
    ],
)
def test_a_key_changes_with_the_code_and_with_what_it_uses(old, new, keys):
    assert changed(old, new) - {""} == keys - {""}
    assert ("" in changed(old, new)) == ("" in keys)


def test_a_moved_function_keeps_its_key():
    assert "rounded" not in changed('"""Shop."""', '"""Shop."""\n\n\ndef first():\n    return 1\n')


@pytest.mark.parametrize(
    ("text", "does"),
    [
        ("import os\nfrom a import (\n    b,\n)\n", False),
        ('"""Doc."""\nimport os\n\n\nclass A(B):\n    """Doc."""\n\n    def f(self):\n        pass\n', False),
        ("import os\nos.remove('x')\n", True),
        ("class A:\n    key = 'x'\n", True),
        ("def f():\n    pass\n\n\nf()\n", True),
    ],
)
def test_a_module_that_only_imports_and_defines_does_nothing(text, does):
    assert units(text)[""].has_code is does


def test_a_text_without_code_has_no_unit():
    assert units("# nothing\n\n") == {}


@pytest.mark.parametrize("language", ["javascript", "go", "plaintext"])
def test_a_language_that_is_not_parsed_is_one_unit(language):
    (unit,) = units("function f() {}\n", language).values()
    assert unit.whole
    assert unit.symbol("f") == ""
    assert unit.contains(Position(0, 3))


def test_other_line_ends_make_the_same_units_with_the_same_keys():
    assert {name: unit.key for name, unit in units(SOURCE.replace("\n", "\r\n")).items()} == {
        name: unit.key for name, unit in units().items()
    }


@pytest.mark.parametrize(
    "text", ["def f(:\n    x = (\n", "class A\n  def f(self):\n\treturn 1\n", "def\n", "\0", "'''"]
)
def test_broken_text_is_cut_too(text):
    assert all(unit.places for unit in units(text).values())


@pytest.mark.parametrize(
    ("said", "symbol"),
    [("", "Shop.pay"), ("pay", "Shop.pay"), ("inner", "Shop.pay.inner"), ("pay.inner", "Shop.pay.inner"),
     ("Shop.close", None), ("ay", None), ("rounded", None)],
)  # fmt: skip
def test_a_symbol_is_known_by_the_end_of_its_name(said, symbol):
    assert units()["Shop.pay"].symbol(said) == symbol
