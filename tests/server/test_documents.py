"""The server's copy of a text is the editor's, after any sequence of changes, in each of the three encodings."""

import asyncio
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lsprotocol import types

from codetune_core.domain.text import Encoding
from codetune_server.documents import Documents, OutOfSync

URI = "file:///a.py"
CODECS = {
    Encoding.UTF8: ("utf-8", 1),
    Encoding.UTF16: ("utf-16-le", 2),
    Encoding.UTF32: ("utf-32-le", 4),
}


def whole(text):
    return types.TextDocumentContentChangeWholeDocument(text)


def partial(start, end, text):
    return types.TextDocumentContentChangePartial(types.Range(types.Position(*start), types.Position(*end)), text)


def opened(text, encoding=Encoding.UTF16, version=1, uri=URI):
    documents = Documents()
    documents.encoding = encoding
    documents.open(types.TextDocumentItem(uri, "python", version, text))
    return documents


def change(documents, version, *changes, uri=URI):
    documents.change(types.VersionedTextDocumentIdentifier(version, uri), changes)


def check(before, changes, after, encoding=Encoding.UTF16):
    documents = opened(before, encoding)
    change(documents, 2, *changes)
    assert documents.snapshot(URI).text == after


class Editor:
    """An editor that keeps its text as units of the encoding: shares no code and no idea with the server."""

    def __init__(self, text, encoding):
        self.codec, self.width = CODECS[encoding]
        self.units = text.encode(self.codec, "surrogatepass")

    @property
    def text(self):
        return self.units.decode(self.codec, "surrogatepass")

    def offset(self, line, column):
        starts, ends, text = [0], [], self.text
        for end in re.finditer("\r\n|\n|\r", text):
            starts.append(end.end())
            ends.append(end.start())
        ends.append(len(text))
        if line >= len(starts):
            return len(self.units)
        first, last = (len(text[:at].encode(self.codec, "surrogatepass")) for at in (starts[line], ends[line]))
        at = min(first + column * self.width, last)
        while self.codec == "utf-8" and at < last and self.units[at] & 0xC0 == 0x80:
            at -= 1
        return at

    def change(self, start, end, text):
        first, last = sorted((self.offset(*start), self.offset(*end)))
        self.units = self.units[:first] + text.encode(self.codec, "surrogatepass") + self.units[last:]


PIECES = [
    "a",
    "b ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\f",
    "\v",
    "\x1c",
    "\x85",
    "\u2028",
    "é",
    "e\u0301",
    "😀",
    "👩‍💻",
    "\0",
    "\ufeff",
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
PLACES = st.tuples(st.integers(0, 6), st.integers(0, 8))
EDITS = st.tuples(PLACES, PLACES, TEXTS)


@pytest.mark.parametrize("encoding", Encoding)
@settings(max_examples=250, deadline=None)
@given(text=TEXTS, edits=st.lists(st.lists(EDITS, min_size=1, max_size=4), max_size=5))
def test_after_random_edits_the_server_has_the_editors_text(encoding, text, edits):
    documents, editor = opened(text, encoding), Editor(text, encoding)
    for version, group in enumerate(edits, start=2):
        change(documents, version, *(partial(*edit) for edit in group))
        for edit in group:
            editor.change(*edit)
        assert documents.snapshot(URI).text == editor.text


@settings(max_examples=100, deadline=None)
@given(text=TEXTS, edits=st.lists(EDITS, max_size=8))
def test_an_edit_is_the_same_alone_or_with_others(text, edits):
    together, alone = opened(text), opened(text)
    change(together, 2, *(partial(*edit) for edit in edits))
    for version, edit in enumerate(edits, start=2):
        change(alone, version, partial(*edit))
    assert together.snapshot(URI).text == alone.snapshot(URI).text


@pytest.mark.parametrize("mark", ["\f", "\v", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"])
def test_only_the_protocols_line_ends_end_a_line(mark):
    check(f"a{mark}b\nc\n", [partial((1, 0), (1, 1), "x")], f"a{mark}b\nx\n")


@pytest.mark.parametrize(
    ("before", "start", "end", "text", "after"),
    [
        ("abc\n", (0, 99), (0, 99), "d", "abcd\n"),
        ("abc\r\nx", (0, 4), (0, 4), "d", "abcd\r\nx"),
        ("abc\r\nx", (0, 3), (1, 0), "", "abcx"),
        ("abc", (9, 9), (9, 9), "d", "abcd"),
        ("abc\n", (1, 0), (5, 0), "d", "abc\nd"),
        ("abc\n", (0, 0), (9, 9), "", ""),
        ("", (0, 0), (0, 0), "a\nb", "a\nb"),
        ("abc", (0, 2), (0, 1), "x", "axc"),
        ("a\nb\nc", (2, 0), (0, 1), "", "ac"),
        ("a\rx\nb", (1, 0), (1, 1), "", "a\r\nb"),
        ("a\r", (1, 0), (1, 0), "\n", "a\r\n"),
        ("a\nb", (0, 1), (0, 1), "\r", "a\r\nb"),
        ("a\r\nb", (0, 1), (0, 1), "\r", "a\r\r\nb"),
    ],
)
def test_places_beyond_a_line_or_the_text_and_ends_in_the_wrong_order(before, start, end, text, after):
    check(before, [partial(start, end, text)], after)


def test_a_line_end_that_an_edit_joins_or_splits_counts_as_the_editor_counts_it():
    documents = opened("a\rx\nb\n")
    change(documents, 2, partial((1, 0), (1, 1), ""), partial((1, 0), (1, 1), "c"))
    assert documents.snapshot(URI).text == "a\r\nc\n"


@pytest.mark.parametrize(("encoding", "column"), [(Encoding.UTF8, 4), (Encoding.UTF16, 2), (Encoding.UTF32, 1)])
def test_columns_count_the_encodings_units(encoding, column):
    check("😀x", [partial((0, column), (0, column), "|")], "😀|x", encoding)


@pytest.mark.parametrize("column", [1, 2, 3])
def test_a_utf8_column_inside_a_character_means_the_place_before_it(column):
    check("😀x", [partial((0, column), (0, column), "|")], "|😀x", Encoding.UTF8)


def test_the_halves_of_a_character_typed_one_after_the_other_are_one_character():
    check("", [partial((0, 0), (0, 0), "\ud83d"), partial((0, 1), (0, 1), "\ude00")], "😀")


def test_a_change_without_a_range_is_the_whole_text_and_later_ones_build_on_it():
    check("old", [partial((0, 0), (0, 3), "x"), whole("a\nb"), partial((1, 0), (1, 1), "c")], "a\nc")


def test_the_client_s_parameters_are_not_changed():
    edit = partial((0, 99), (7, 99), "x")
    check("abc\n", [edit], "abcx")
    assert edit == partial((0, 99), (7, 99), "x")


def test_a_snapshot_does_not_change_and_is_made_once_for_each_version():
    documents = opened("a\n")
    first = documents.snapshot(URI)
    assert documents.snapshot(URI) is first
    change(documents, 2, partial((0, 0), (0, 1), "b"))
    assert (first.text, first.version) == ("a\n", 1)
    assert (documents.snapshot(URI).text, documents.snapshot(URI).version) == ("b\n", 2)


@pytest.mark.parametrize("version", [0, 4, 5])
def test_a_late_change_is_refused_and_the_document_out_of_sync_until_its_text_comes_whole(version):
    documents = opened("a\n", version=5)
    with pytest.raises(OutOfSync, match=r"a\.py came after change 5"):
        change(documents, version, partial((0, 0), (0, 0), "x"))
    assert documents.snapshot(URI) is None
    change(documents, 6, partial((0, 0), (0, 0), "y"))
    assert documents.snapshot(URI) is None
    change(documents, 7, whole("b\n"))
    change(documents, 8, partial((0, 1), (0, 1), "!"))
    assert documents.snapshot(URI).text == "b!\n"


def test_opening_a_document_again_takes_the_new_text():
    documents = opened("a\n", version=5)
    with pytest.raises(OutOfSync):
        change(documents, 1, partial((0, 0), (0, 0), "x"))
    documents.open(types.TextDocumentItem(URI, "python", 1, "c\n"))
    change(documents, 2, partial((0, 1), (0, 1), "d"))
    assert documents.snapshot(URI).text == "cd\n"


def test_a_late_whole_text_is_refused_and_the_newer_text_stands():
    documents = opened("a\n", version=5)
    with pytest.raises(OutOfSync):
        change(documents, 4, whole("old\n"))
    assert documents.snapshot(URI).text == "a\n"


def test_versions_may_skip_numbers_and_the_whole_text_may_repeat_one():
    documents = opened("a\n")
    change(documents, 7, partial((0, 1), (0, 1), "b"))
    change(documents, 7, whole("c\n"))
    assert documents.snapshot(URI).text == "c\n"


def test_changes_of_a_document_that_is_not_open_are_refused_once():
    documents = Documents()
    with pytest.raises(OutOfSync, match="not open"):
        change(documents, 1, partial((0, 0), (0, 0), "x"))
    change(documents, 2, partial((0, 0), (0, 0), "x"))
    assert documents.snapshot(URI) is None


def test_a_change_that_could_not_be_read_puts_the_document_out_of_sync_once():
    documents = opened("a\n")
    with pytest.raises(OutOfSync, match="could not be read"):
        documents.distrust(URI)
    documents.distrust(URI)
    documents.distrust("file:///unknown.py")
    assert documents.snapshot(URI) is None


@pytest.mark.parametrize("uri", ["untitled:Untitled-1", "vscode-notebook-cell:/n.ipynb#W0", "file:///c%3A/x.py", ""])
def test_any_uri_can_be_opened_and_closed(uri):
    documents = opened("a", uri=uri)
    assert list(documents) == [uri]
    assert documents.snapshot(uri).uri == uri
    documents.close(uri)
    documents.close(uri)
    assert documents.snapshot(uri) is None
    assert len(documents) == 0


@pytest.mark.parametrize(
    "touch",
    [
        lambda documents: change(documents, 2, whole("b")),
        lambda documents: change(documents, 2, whole("a")),
        lambda documents: documents.close(URI),
        lambda documents: documents.open(types.TextDocumentItem(URI, "python", 1, "b")),
    ],
)
async def test_who_waits_for_a_document_to_be_another_one_is_woken_by_that_and_nothing_else(touch):
    documents = opened("a")
    waiting = asyncio.create_task(documents.other_than(documents.snapshot(URI)))
    documents.open(types.TextDocumentItem("file:///other.py", "python", 1, ""))
    documents.open(types.TextDocumentItem(URI, "python", 1, "a"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    touch(documents)
    await asyncio.wait_for(waiting, 30)


async def test_a_document_that_is_another_one_already_is_not_waited_for():
    documents = opened("a")
    known = documents.snapshot(URI)
    with pytest.raises(OutOfSync):
        documents.distrust(URI)
    await asyncio.wait_for(documents.other_than(known), 30)


def test_percent_encoding_makes_no_difference():
    assert opened("a", uri="file:///c%3A/x%20y.py").snapshot("file:///c:/x y.py").text == "a"


def fastest(work, times=5):
    durations = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        durations.append(time.perf_counter() - begin)
    return min(durations)


@pytest.mark.parametrize("line", ["x = call(argument, 'text')\n", "x = 'ä😀'\r\n"])
def test_a_hundred_cursors_in_ten_thousand_lines_take_milliseconds(line):
    documents = opened(line * 10_000)
    versions = iter(range(2, 100))
    edits = [partial((at * 100, 2), (at * 100, 3), "y") for at in range(100)]
    assert fastest(lambda: change(documents, next(versions), *edits)) < 0.02


def test_a_text_of_three_megabytes_takes_edits_in_milliseconds():
    documents = opened("x = 'abcdefghijklmnopqrstuvwxyz'\n" * 100_000)
    versions = iter(range(2, 100))
    assert fastest(lambda: change(documents, next(versions), partial((50_000, 0), (50_001, 0), "y\n"))) < 0.02


def test_one_line_of_three_megabytes_takes_edits():
    documents = opened("aä😀" * 1_000_000)
    versions = iter(range(2, 100))
    assert fastest(lambda: change(documents, next(versions), partial((0, 2_000_000), (0, 2_000_004), "y")), 2) < 1


@pytest.mark.parametrize(
    ("uri", "said", "language"),
    [
        ("file:///shop/a.py", "", "python"),
        ("file:///shop/%61%2Epy", "", "python"),
        ("file:///shop/.env", "", "dotenv"),
        ("file:///shop/notes", "", "plaintext"),
        ("untitled:Untitled-1", "", "plaintext"),
        ("file:///shop/a.py", "javascript", "javascript"),
    ],
)
def test_where_the_editor_says_no_language_the_name_of_the_file_does(uri, said, language):
    documents = Documents()
    documents.open(types.TextDocumentItem(uri, said, 1, ""))
    assert documents.snapshot(uri).language == language
