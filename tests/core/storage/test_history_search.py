"""The search in the history finds the same on both kinds of database, whatever is typed."""

import pytest
from executions import NOW, begun, ended
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codetune_core.domain.execution import Task
from codetune_core.history.protocol import Filter
from codetune_core.storage import history_search
from codetune_core.storage.history_store import SqlHistoryStore

TEXTS = {
    "call": "result = my_function.name(user_id=42)",
    "camel": "class ShoppingCart: def totalPrice(self): pass",
    "german": "Überprüfe die Straße, bitte: größer als früher",
    "russian": "Проверьте Код на ошибки",
    "greek": "Ελληνικά ΚΩΔΙΚΑΣ",
    "chinese": "审查 代码",
    "accents": "na\u0131ve cafe\u0301 café",
    "numbers": "x = 1e5 + 3.14 - 0x1F; v1.2.3; 12abc; 1_000_000",
    "mail": "write to ada@example.org or https://example.org/a/b?c=d#e",
    "path": "/usr/lib/python3.11/site-packages/foo-bar.py",
    "sql": "SELECT * FROM users WHERE name = 'O''Brien' -- comment",
    "escapes": "first\\nsecond \\t third\nfourth\tfifth",
    "quotes": "say \"hello world\" & | ! ( ) <-> :* 'x'",
    "order": "world hello",
    "html": "<b>bold</b> &amp; <script>alert(1)</script>",
    "empty": "",
    "marks": "!!! ??? ...",
    "nul": "before\0after",
    "surrogate": "left\ud800right",
    "long word": "a" * 3000 + " tail",
}
SEARCHES = {
    "my_function.name": {"call"},
    "function": {"call"},
    "name function": {"call"},
    "function_my": set(),
    "user_id 42": {"call"},
    "TOTALPRICE": {"camel"},
    "total": set(),
    "total*": {"camel"},
    "shop* self": {"camel"},
    "überprüfe": {"german"},
    "ÜBERPRÜFE STRASSE": set(),
    "straße": {"german"},
    "uberprufe": set(),
    "код": {"russian"},
    "ПРОВЕРЬТЕ": {"russian"},
    "κωδικα*": {"greek"},
    "代码": {"chinese"},
    "cafe\u0301": {"accents"},
    "1e5": {"numbers"},
    "3.14": {"numbers"},
    "0x1f": {"numbers"},
    "v1.2": {"numbers"},
    "12abc": {"numbers"},
    "1_000": {"numbers"},
    "ada@example.org": {"mail"},
    "example.org": {"mail"},
    "https": {"mail"},
    "site-packages": {"path"},
    "packages-site": set(),
    "python3.11/site": {"path"},
    "O'Brien": {"sql"},
    "brien": {"sql"},
    "second": set(),
    "nsecond": {"escapes"},
    "fourth fifth": {"escapes"},
    "fourth": {"escapes"},
    '"hello world"': {"quotes"},
    "hello world": {"quotes", "order"},
    '"hello wor"*': {"quotes"},
    '"world hello': {"order"},
    '"hello wor"': set(),
    "script": {"html"},
    "before": {"nul"},
    "right": {"surrogate"},
    "tail": {"long word"},
    "AND OR NOT NEAR": set(),
    "!!!": set(),
    "***": set(),
    "deep": set(),
}


@pytest.fixture
async def store(database):
    found = SqlHistoryStore(database)
    for name, text in TEXTS.items():
        said = {"input_data": {"code": text}, "rendered_prompt": "", "output_data": None}
        await found.end(ended(begun(workspace=name), **said))
    return found


async def names(store, **where):
    return {found.workspace for found in await store.page(Filter(**where))}


async def test_words_are_the_same_on_both_databases(store):
    assert {text: await names(store, text=text) for text in SEARCHES} == SEARCHES


async def test_frequent_words_are_found_as_rare_ones_are(store, monkeypatch):
    monkeypatch.setattr(history_search, "FEW", 1)
    monkeypatch.setattr(history_search, "_HELD", 0)
    assert {text: await names(store, text=text, user_id="ada") for text in SEARCHES} == SEARCHES


async def test_a_filter_narrows_a_search(store):
    assert await names(store, text="hello", workspace="order") == {"order"}
    assert await names(store, text="hello", task=Task.FIX) == set()


async def test_prompt_input_and_answer_are_searched_together(store):
    await store.end(ended(begun(input_data={"a": ["x", {"b": "needle"}]}, rendered_prompt="thread"), output_data="eye"))
    assert len(await store.page(Filter(text="needle thread eye"))) == 1


async def test_pages_of_a_search_follow_each_other(store):
    written = [ended(begun(executed_at=NOW), output_data=f"common {number}") for number in range(7)]
    for execution in written:
        await store.end(execution)
    seen, last = [], None
    while found := await store.page(Filter(text="common"), last, limit=3):
        seen += found
        last = found[-1].id
    assert [found.id for found in seen] == [execution.id for execution in written[::-1]]


async def test_what_is_counted_and_streamed_is_what_is_found(store):
    for text, expected in SEARCHES.items():
        where = Filter(text=text)
        assert await store.count(where) == len(expected), text
        assert {found.workspace async for found in store.stream(where)} == expected


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text() | st.text(alphabet="\"*'()&|!<->:\\_%^ aé\0\n+{}~,.;").filter(bool))
async def test_any_text_can_be_searched_for(store, text):
    await store.page(Filter(text=text), limit=1)
    await store.count(Filter(text=text))
