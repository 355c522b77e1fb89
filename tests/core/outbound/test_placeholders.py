"""What stands for a secret: the same for the same secret, told by nothing but the user's own key."""

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from codetune_core.errors import OutboundRefused
from codetune_core.outbound.placeholders import PLACEHOLDER, Placeholders, user_key


def test_a_secret_has_one_name_for_one_user():
    mine, yours = Placeholders(b"m" * 32), Placeholders(b"y" * 32)
    assert mine.name("hunter2") == Placeholders(b"m" * 32).name("hunter2")
    assert len({mine.name("hunter2"), mine.name("hunter3"), yours.name("hunter2")}) == 3
    assert mine.name("hunter2").isidentifier()
    assert PLACEHOLDER.fullmatch(mine.name("hunter2"))
    assert mine.pseudonym("") == ""
    assert mine.pseudonym("hunter2") not in mine.name("hunter2")


def test_a_name_that_stands_in_the_text_already_is_not_used():
    names = Placeholders(b"m" * 32)
    short = names.name("hunter2")
    longer = names.name("hunter2", lambda name: name == short)
    assert longer.startswith(short)
    assert longer != short
    assert PLACEHOLDER.fullmatch(longer)


def test_half_a_character_has_a_name_too():
    assert PLACEHOLDER.fullmatch(Placeholders(b"m" * 32).name("\ud800secret"))


def test_the_key_is_made_once_for_all_processes_and_is_its_users_own(tmp_path):
    folder = tmp_path / "state" / "outbound"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: user_key(folder), range(32)))
    [path] = folder.iterdir()
    assert keys == {path.read_bytes()}
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(folder.stat().st_mode)) == (0o600, 0o700)


def test_without_a_key_nothing_is_sent(tmp_path):
    (tmp_path / "placeholder.key").write_bytes(b"short")
    with pytest.raises(OutboundRefused, match="is damaged; remove it"):
        user_key(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutboundRefused, match="cannot be read or made"):
        user_key(tmp_path / "file" / "folder")
