"""Bytes become text and text becomes the same bytes."""

import codecs
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetune_core.errors import UnreadableFile
from codetune_core.workspace.read import decode, is_binary, read


def check(data: bytes, text: str, encoding: str, name: str = "a.py") -> None:
    source = decode(Path(name), data)
    assert (source.document.text, source.encoding) == (text, encoding)
    assert source.encode(source.document.text) == data


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends_byte_order_mark_and_the_missing_last_line_end_survive(mark, end, last):
    text = f"x = 'é'{end}{end}y = '👩‍👧'" + (end if last else "")
    check(mark + text.encode(), text, "utf-8")


@pytest.mark.parametrize("data", [b"", codecs.BOM_UTF8, b"\n", b"\f\n", b"x\x0by\x1c\n"])
def test_small_and_odd_texts_survive(data):
    check(data, data.removeprefix(codecs.BOM_UTF8).decode(), "utf-8")


@pytest.mark.parametrize(
    ("comment", "codec", "name"),
    [
        ("# -*- coding: latin-1 -*-", "latin-1", "iso-8859-1"),
        ("# vim: set fileencoding=cp1252 :", "cp1252", "cp1252"),
        ("#!/usr/bin/python\n# coding=koi8-r", "koi8-r", "koi8-r"),
        ("# coding: utf-8", "utf-8", "utf-8"),
        ("# coding: shift_jis", "shift_jis", "shift_jis"),
    ],
)
def test_pythons_coding_comment_is_obeyed(comment, codec, name):
    word = {"koi8-r": "привет", "shift_jis": "日本"}.get(codec, "déjà")
    text = f"{comment}\nx = '{word}'\n"
    check(text.encode(codec), text, name)


def test_a_coding_comment_below_the_second_line_is_an_ordinary_comment():
    check("\n\n# coding: latin-1\né\n".encode(), "\n\n# coding: latin-1\né\n", "utf-8")


def test_a_coding_comment_outside_python_means_nothing():
    with pytest.raises(UnreadableFile, match="not UTF-8"):
        decode(Path("a.rb"), "# coding: latin-1\né\n".encode("latin-1"))


@pytest.mark.parametrize(
    ("mark", "codec"),
    [(codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF32_LE, "utf-32-le")],
)
def test_the_other_byte_order_marks_are_known(mark, codec):
    check(mark + "key = 'é'\r\n".encode(codec), "key = 'é'\r\n", codec, "a.ini")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"x = '\xff'\n", r"is not UTF-8: byte 0xff at offset 5 .* save it as UTF-8"),
        (codecs.BOM_UTF8 + b"\xe9", r"byte 0xe9 at offset 3"),
        (b"\x7fELF\x02\x01\x00\x00", "is binary"),
        (b"abc\0def", "is binary"),
        (codecs.BOM_UTF16_LE + b"a\0\0\0", "is binary"),
        (b"# coding: nonsense\n", "does not say a usable encoding: unknown encoding: nonsense"),
        (codecs.BOM_UTF8 + b"# coding: latin-1\nx\n", "does not say a usable encoding"),
        (b"# coding: ascii\nx = '\xc3\xa9'\n", "is not ASCII"),
        (b"# coding: rot13\nx = 1\n", "cannot be decoded as rot13|does not say a usable encoding"),
    ],
)
def test_what_is_no_text_is_refused_with_the_reason(data, message):
    with pytest.raises(UnreadableFile, match=message):
        decode(Path("a.py"), data)


@pytest.mark.parametrize(
    ("name", "first", "language"),
    [
        ("a.py", b"", "python"), ("a.PYI", b"", "python"), ("a.js", b"", "javascript"),
        ("notes", b"hello\n", "plaintext"),
        ("run", b"#!/usr/bin/env python3\n", "python"), ("run", b"#!/usr/bin/python3 -I\n", "python"),
        ("run", b"#!/bin/sh\n# python\n", "plaintext"), ("run.sh", b"#!/usr/bin/env python3\n", "shellscript"),
        (".env", b"A=1\n", "dotenv"), ("run", codecs.BOM_UTF8, "plaintext"),
    ],
)  # fmt: skip
def test_the_language_comes_from_the_name_and_without_one_from_the_first_line(name, first, language):
    assert decode(Path(name), first).document.language == language


def test_a_nul_far_into_a_file_does_not_make_it_binary_to_the_quick_look():
    assert not is_binary(b"x" * 9000 + b"\0")
    assert is_binary(b"x" * 8000 + b"\0")


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_any_text_comes_back_byte_for_byte(text):
    data = text.encode()
    try:
        source = decode(Path("a.txt"), data)
    except UnreadableFile:
        return
    assert source.encode(source.document.text) == data


def test_a_file_has_the_uri_of_its_absolute_path(tmp_path, monkeypatch):
    (tmp_path / "ä b.py").write_text("x\n")
    monkeypatch.chdir(tmp_path)
    assert read(Path("ä b.py")).document.path == tmp_path / "ä b.py"


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.mkdir(), "is not a regular file"),
        (lambda path: path.symlink_to("nowhere"), "does not exist"),
        (lambda path: path.symlink_to(path.name), "cannot be read: too many levels of symbolic links"),
        (os.mkfifo, "is not a regular file"),
    ],
)
def test_what_is_no_readable_file_is_said(tmp_path, prepare, message):
    prepare(tmp_path / "x.py")
    with pytest.raises(UnreadableFile, match=message):
        read(tmp_path / "x.py")


def test_a_file_in_place_of_a_directory_is_said(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UnreadableFile, match="does not exist"):
        read(tmp_path / "file" / "x.py")


def test_a_missing_permission_is_said(tmp_path, monkeypatch):
    (tmp_path / "x.py").write_text("x")

    def refuse(_self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)  # the tests may run as root, whom no permission stops
    with pytest.raises(UnreadableFile, match="cannot be read: no permission"):
        read(tmp_path / "x.py")
