"""A quote is found where it stands, however a model copied it, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetune_core.domain.document import Document
from codetune_core.domain.text import Position, Range
from codetune_core.findings.anchor import Miss, Quoted, anchor, anchor_all

SHOP = '''\
import os

SECRET = "hunter2"


class Shop:
    """Sells things."""

    @staged
    def pay(self, who):
        """Pay."""
        total = add(who,  # the customer
                    self.tax)
        os.system("pay " + who)
        return total

    def refund(self, who):
        # os.remove(who)
        os.system("pay " + who)
        return None


class Bank:
    def pay(self, who):
        return None
'''
CART = """\
const limit = 3;
function add(item) {
  if (item) { log(item); }
  return item;
}
const drop = async (item) => {
  log(item); /* { */
};
class Cart {
  add(item) {
    return item;
  }
}
"""
SERVER = """\
func (s *Server) Handle(w Writer) (int, error) {
	run(w)
}

func (c *Client) Handle(w Writer) {
	run(w)
}
"""


def check(text, quote, expected, *, symbol="", language="python", nth=0):
    """Anchor a quote; ``expected`` is the document's own text of the range (its nth place), or a Miss."""
    document = Document(f"file:///shop.{language}", text, language)
    found = anchor(document, quote, symbol=symbol)
    if isinstance(expected, Miss):
        assert found is expected
        return
    assert isinstance(found, Range), found
    start = -1
    for _ in range(nth + 1):
        start = text.index(expected, start + 1)
    assert (document.offset(found.start), document.slice(found)) == (start, expected)


@pytest.mark.parametrize(
    ("quote", "expected"),
    [
        ("import os", "import os"),
        ("  import   os \r\n", "import os"),
        ('SECRET="hunter2"', 'SECRET = "hunter2"'),
        ("add(who, self.tax)", "add(who,  # the customer\n                    self.tax)"),
        ("add(who,  # the customer\n\tself.tax)", "add(who,  # the customer\n                    self.tax)"),
        ("add(who, # customers\nself.tax)", "add(who,  # the customer\n                    self.tax)"),
        ("class Shop:\n    @staged", 'class Shop:\n    """Sells things."""\n\n    @staged'),
        ("# os.remove(who)", "# os.remove(who)"),
        ("```python\nimport os\n```", "import os"),
        ("`import os`", "import os"),
        ("...\nimport os\n...", "import os"),
        ("... import os", "import os"),
        ("1: import os", "import os"),
        ("1 | import os\n2 |\n3 | SECRET = 'x'", Miss.ABSENT),
        ('1 | import os\n2 |\n3 | SECRET = "hunter2"', 'import os\n\nSECRET = "hunter2"'),
        ('L3: "hunter2"', Miss.ABSENT),
        ("os.remove(who)", Miss.ABSENT),
        ("Pay.", Miss.ABSENT),
        ("ort os", Miss.ABSENT),
        ("SECRET = 'hunter2'", Miss.ABSENT),
        ('os.system("pay " + who)', Miss.AMBIGUOUS),
        ("# nothing here", Miss.ABSENT),
        ("  \n", Miss.EMPTY),
        ("```\n```", Miss.ABSENT),
    ],
)
def test_a_quote_has_the_place_of_its_code(quote, expected):
    check(SHOP, quote, expected)


@pytest.mark.parametrize(
    ("symbol", "quote", "expected", "nth"),
    [
        ("Shop.pay", 'os.system("pay " + who)', 'os.system("pay " + who)', 0),
        ("def refund(self, who)", 'os.system("pay " + who)', 'os.system("pay " + who)', 1),
        ("shop.Shop.refund", "return None", "return None", 0),
        ("Bank::pay", "return None", "return None", 1),
        ("pay", "return None", "return None", 1),
        ("Shop", 'os.system("pay " + who)', Miss.AMBIGUOUS, 0),
        ("Bank.pay", 'os.system("pay " + who)', Miss.ELSEWHERE, 0),
        ("Gone.pay", "return total", Miss.ELSEWHERE, 0),
        ("Shop.gone", "class Bank:\n    def pay(self, who):", Miss.ELSEWHERE, 0),
        ("Bank.refund", "def refund(self, who):", Miss.ELSEWHERE, 0),
        ("SECRET", '"hunter2"', '"hunter2"', 0),
        ("<module>", '"hunter2"', '"hunter2"', 0),
        ("pay", "@staged", "@staged", 0),
    ],
)
def test_the_symbol_tells_places_apart(symbol, quote, expected, nth):
    check(SHOP, quote, expected, symbol=symbol, nth=nth)


@pytest.mark.parametrize(
    ("file", "symbol", "quote", "expected", "nth"),
    [
        ((CART, "javascript"), "function add(item)", "return item;", Miss.AMBIGUOUS, 0),
        ((CART, "javascript"), "Cart.add", "return item;", "return item;", 1),
        ((CART, "javascript"), "Cart", "return item;", "return item;", 1),
        ((CART, "javascript"), "add", "log(item);", "log(item);", 0),
        ((CART, "javascript"), "drop", "log(item);", "log(item);", 1),
        ((CART, "javascript"), "limit", "3", "3", 0),
        ((CART, "javascript"), "gone", "const limit = 3;", Miss.ELSEWHERE, 0),
        ((SERVER, "go"), "func (s *Server) Handle(w Writer)", "run(w)", "run(w)", 0),
        ((SERVER, "go"), "(*Client).Handle", "run(w)", "run(w)", 1),
        (("a: 1 # x\nb: 2\n", "yaml"), "anything", "a:  1\nb: 2", "a: 1 # x\nb: 2", 0),
        (("select 1 -- x\nfrom t", "sql"), "", "SELECT 1\nFROM t", Miss.ABSENT, 0),
        (("select 1 -- x\nfrom t", "sql"), "", "select 1\nfrom t", "select 1 -- x\nfrom t", 0),
    ],
)
def test_other_languages_have_symbols_by_braces_and_comments_of_their_own(file, symbol, quote, expected, nth):
    text, language = file
    check(text, quote, expected, symbol=symbol, language=language, nth=nth)


@pytest.mark.parametrize(("claims", "lines"), [(1, None), (2, [1, 3]), (3, None)])
def test_as_many_claims_as_places_take_them_in_order(claims, lines):
    document = Document("file:///a.py", "if a:\n    f(x)\nelse:\n    f( x )\n", "python")
    found = anchor_all(document, [Quoted("f(x)", about="eval")] * claims)
    assert [each if isinstance(each, Miss) else each.start.line for each in found] == (
        lines or [Miss.AMBIGUOUS] * claims
    )


def test_claims_about_different_things_say_nothing_of_each_others_places():
    document = Document("file:///a.py", "f(x)\nf(x)\n", "python")
    assert anchor_all(document, [Quoted("f(x)", about="a"), Quoted("f(x)", about="b")]) == (Miss.AMBIGUOUS,) * 2


def test_a_place_laid_out_like_the_quote_is_no_likelier_than_another():
    check("f(a, b)\nf(a,\n  b)\n", "f(a, b)", Miss.AMBIGUOUS)


def test_dots_that_are_the_body_of_a_stub_are_code():
    check("def f(self):\n    return 1\n", "def f(self):\n    ...", Miss.ABSENT)


def test_columns_count_characters_beyond_the_first_plane_once():
    found = anchor(Document("file:///a.py", 'x = "😀😀"; eval(y)\r\n', "python"), "eval(y)")
    assert found == Range(Position(0, 10), Position(0, 17))


MESS = st.text(st.sampled_from("ab1 \t\r\n\"'`#/*{}()\\.:=;,-<>|é😀\ud800\u2028"), max_size=60)
LANGUAGE = st.sampled_from(["python", "javascript", "go", "sql", "html", "ini", "yaml", "css", "php", "plaintext"])


@given(MESS, MESS, MESS, LANGUAGE)
def test_whatever_the_texts_there_is_a_range_inside_or_a_reason(text, quote, symbol, language):
    document = Document("file:///a", text, language)
    found = anchor(document, quote, symbol=symbol)
    if not isinstance(found, Miss):
        start, end = document.offset(found.start), document.offset(found.end)
        assert (document.position(start), document.position(end)) == (found.start, found.end)
        assert document.slice(found) == document.slice(found).strip() != ""


CODE = st.text(st.sampled_from("ab1 \t\r\n\"'{}()[].:=;,-é😀"), min_size=1, max_size=80)


@given(CODE, st.data())
def test_a_quote_cut_out_of_a_document_that_is_unique_anchors_to_itself(text, data):
    words = [n for n in range(len(text) + 1) if not (text[n - 1 : n] + text[n : n + 1]).replace(".", "a").isalnum()]
    words = [n for n in words if not (0 < n < len(text) and all(c.isalnum() or c in "._" for c in text[n - 1 : n + 1]))]
    start = data.draw(st.sampled_from(words or [0]))
    end = data.draw(st.sampled_from([n for n in words if n > start] or [len(text)]))
    quote, squeezed = text[start:end], "".join(text.split())
    wanted = "".join(quote.split())
    once = wanted and squeezed.find(wanted) == squeezed.rfind(wanted)
    found = anchor(Document("file:///a.txt", text, "plaintext"), quote)
    if once and start in (words or [-1]) and end in words:
        assert not isinstance(found, Miss)
        assert Document("file:///a.txt", text, "plaintext").slice(found) == quote.strip()
