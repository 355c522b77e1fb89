"""Which symbols an edit changes, and which test files reach them."""

import pytest
from ladder_cases import document

from codetune_core.fixes.ladder.reaching import changed_symbols, importers, is_test_file, module_name

BEFORE = "import os\nRATE = 1\n\ndef price(): return RATE\n\nclass Basket:\n    def add(self): pass\n"


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("return RATE", "return 2", {"price"}),
        ("RATE = 1", "RATE = 2", {"RATE"}),
        ("RATE = 1", "RATE: int = 1", {"RATE"}),
        ("def add", "def put", {"Basket"}),
        ("import os", "import sys", set()),
        ("def price", "def cost", {"price", "cost"}),
        ("RATE = 1", "RATE = 1\nprint(RATE)", set()),
        ("\n\ndef", "\n# a comment\n\ndef", set()),
    ],
)
def test_symbols_whose_code_changes_are_named(old, new, changed):
    assert changed_symbols(document(BEFORE), document(BEFORE.replace(old, new))) == changed


@pytest.fixture
def shop(tmp_path):
    files = {
        "src/shop/__init__.py": "",
        "src/shop/prices.py": BEFORE,
        "src/shop/till.py": "from .prices import price\n",
        "src/shop/deep/__init__.py": "from ..prices import price\n",
        "tests/test_whole.py": "import shop.prices\nshop.prices.price()\n",
        "tests/test_from.py": "from shop import prices\nprices.Basket()\n",
        "tests/test_name.py": "from shop.prices import price\n",
        "tests/test_other.py": "from shop import till\n# prices price\n",
        "tests/test_twin.py": "from mart.prices import priceless\n",
        "tests/test_broken.py": "from shop.prices import price (\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("symbols", "expected"),
    [
        ({"price"}, ["__init__", "till", "test_name", "test_whole"]),
        ({"Basket"}, ["test_from"]),
        ({"nothing"}, []),
        ((), ["__init__", "till", "test_from", "test_name", "test_whole"]),
    ],
)
def test_files_that_import_the_module_and_name_the_symbol_reach_it(shop, symbols, expected):
    found = importers(shop, shop / "src" / "shop" / "prices.py", symbols)
    assert [path.stem for path in found] == expected


def test_a_test_module_reaches_itself(shop):
    own = shop / "tests" / "test_name.py"
    assert importers(shop, own) == [own]


def test_modules_are_named_by_the_packages_around_them(shop):
    assert module_name(shop, shop / "src" / "shop" / "prices.py") == "shop.prices"
    assert module_name(shop, shop / "src" / "shop" / "deep" / "__init__.py") == "shop.deep"
    assert module_name(shop, shop / "tests" / "test_name.py") == "test_name"


@pytest.mark.parametrize(("name", "is_test"), [("test_a.py", True), ("a_test.py", True), ("conftest.py", False)])
def test_test_files_are_told_by_their_name(tmp_path, name, is_test):
    assert is_test_file(tmp_path / name) == is_test
