"""The hashes of lines are those that GitHub computes.

Expected values: ``fingerprints.test.ts`` of github/codeql-action (MIT).
"""

import pytest

from codetune_core.findings.line_hashes import line_hashes

_GREETINGS = [
    "e9496ae3ebfced30:1", "fb7c023a8b9ccb3f:1", "ce8ba1a563dcdaca:1", "e20e36e16fcb0cc8:1", "b3edc88f2938467e:1",
    "c8e28b0b4002a3a0:1", "c129715d7a2bc9a3:1",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["c129715d7a2bc9a3:1"]),
        (" a\nb\n  \t\tc\n d", ["271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1"]),
        (" hello; \t\nworld!!!\n\n\n  \t\tGreetings\n End\n", _GREETINGS),
        (" hello; \t\nworld!!!\r\r\r  \t\tGreetings\r End\r", _GREETINGS),
        (" hello; \t\r\nworld!!!\r\n\r\n\r\n  \t\tGreetings\r\n End\r\n", _GREETINGS),
        (" hello; \t\nworld!!!\r\n\n\r  \t\tGreetings\r End\r\n", _GREETINGS),
    ],
)
def test_the_published_examples_come_out(text, expected):
    assert line_hashes(text) == expected


def test_equal_lines_are_numbered():
    assert line_hashes("Lorem ipsum dolor sit amet.\n" * 10) == [
        *(f"a7f2ff13bc495cf2:{number}" for number in range(1, 7)),
        "a7f2ff1481e87703:1", "a9cf91f7bbf1862b:1", "55ec222b86bcae53:1", "cc97dc7b1d7d8f7b:1", "c129715d7a2bc9a3:1",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["é😀\nx", "\ud800\n", "\u2028\n\x0c\n"])
def test_every_line_has_a_hash_whatever_its_characters(text):
    assert len(line_hashes(text)) == text.count("\n") + 1


def test_blanks_do_not_count():
    assert line_hashes("a b\n\tc\n") == line_hashes("ab\nc\n")
