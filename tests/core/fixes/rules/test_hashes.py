"""Weak hashes become SHA-256, or say that they are not for security."""

# ruff: noqa: E501 - tables with a text on each line

import pytest


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import hashlib\n\nhashlib.md5(b'')\n", "import hashlib\n\nhashlib.sha256(b'')\n"),
        ("import hashlib\n\nhashlib.sha1(b'').hexdigest()[:8]\n", "import hashlib\n\nhashlib.sha256(b'').hexdigest()[:8]\n"),
        ("import hashlib as h\n\nh.md5(b'')\n", "import hashlib as h\n\nh.sha256(b'')\n"),
        ("from hashlib import md5\n\nmd5(b'')\n", "from hashlib import md5, sha256\n\nsha256(b'')\n"),
        ("from hashlib import sha1 as h\n\nh(b'')\n", "from hashlib import sha1 as h, sha256\n\nsha256(b'')\n"),
        ("from hashlib import sha256, md5\n\nmd5(b'')\n", "from hashlib import sha256, md5\n\nsha256(b'')\n"),
        ("import hashlib\n\nhashlib.new('md5', b'')\n", "import hashlib\n\nhashlib.new('sha256', b'')\n"),
        ('import hashlib\n\nhashlib.new(name="SHA1")\n', 'import hashlib\n\nhashlib.new(name="sha256")\n'),
        ("from hashlib import new\n\nnew('md5')\n", "from hashlib import new\n\nnew('sha256')\n"),
        ("import hashlib\n\nprint(str(hashlib.md5(b'').digest()))\n", "import hashlib\n\nprint(str(hashlib.sha256(b'').digest()))\n"),
        ("import hashlib\r\n\r\nif 1:\r\n\thashlib.md5(\r\n\t\tb'',  # é\r\n\t)\r\n", "import hashlib\r\n\r\nif 1:\r\n\thashlib.sha256(\r\n\t\tb'',  # é\r\n\t)\r\n"),
        ("def f():\n    import hashlib\n    return hashlib.md5()\n", "def f():\n    import hashlib\n    return hashlib.sha256()\n"),
        ("import hashlib\n\nmd5 = 5\nhashlib.md5(b'').update(b'')\n", "import hashlib\n\nmd5 = 5\nhashlib.sha256(b'').update(b'')\n"),
    ],
)  # fmt: skip
def test_sha256_comes_first_where_nothing_says_what_it_is_for(check_fix, before, after):
    check_fix(before, after, "S324", title="SHA-256", applicability="unsafe", note="digest changes")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("cache_key = hashlib.md5(b'')", "cache_key = hashlib.md5(b'', usedforsecurity=False)"),
        ("etag = hashlib.sha1(b'').hexdigest()", "etag = hashlib.sha1(b'', usedforsecurity=False).hexdigest()"),
        ("checksum = hashlib.md5()", "checksum = hashlib.md5(usedforsecurity=False)"),
        ("def file_checksum(x):\n    return hashlib.md5(x)", "def file_checksum(x):\n    return hashlib.md5(x, usedforsecurity=False)"),
        ("class ResponseCache:\n    def f(x):\n        return hashlib.md5(x)", "class ResponseCache:\n    def f(x):\n        return hashlib.md5(x, usedforsecurity=False)"),
        ("fingerprint = hashlib.new('md5', b'')", "fingerprint = hashlib.new('md5', b'', usedforsecurity=False)"),
        ("cacheKey = hashlib.md5(b'', usedforsecurity=True)", "cacheKey = hashlib.md5(b'', usedforsecurity=False)"),
        ("cache = hashlib.md5(\n    b'',\n)", "cache = hashlib.md5(\n    b'',\n    usedforsecurity=False,\n)"),
    ],
)  # fmt: skip
def test_a_checksum_is_marked_as_one_first(check_fix, before, after):
    head = "import hashlib\n\n"
    check_fix(
        f"{head}{before}\n", f"{head}{after}\n", "S324", title="not for security", applicability="safe", note="3.9"
    )


def test_both_ways_are_offered(check_fix):
    before = "import hashlib\n\nx = hashlib.md5(b'')\n"
    check_fix(before, "import hashlib\n\nx = hashlib.sha256(b'')\n", "S324", index=0)
    check_fix(before, "import hashlib\n\nx = hashlib.md5(b'', usedforsecurity=False)\n", "S324", index=1)


@pytest.mark.parametrize("name", ["password_hash", "auth_token", "signature", "cached_password"])
def test_a_secret_is_never_called_not_for_security(bench, name):
    found = bench.findings(f"import hashlib\n\n{name} = hashlib.md5(b'')\n", "S324")
    assert [fix.title for fix in found[0].fixes] == ["hash with SHA-256"]


def test_a_password_needs_more_than_a_hash(check_fix):
    before = "import hashlib\n\n\ndef check_password(password):\n    return hashlib.md5(password)\n"
    check_fix(before, before.replace("md5", "sha256"), "S324", note="scrypt")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from Crypto.Hash import MD5\n\nMD5.new(b'')\n", "from Crypto.Hash import MD5, SHA256\n\nSHA256.new(b'')\n"),
        ("from Cryptodome.Hash import SHA\n\nSHA.new()\n", "from Cryptodome.Hash import SHA, SHA256\n\nSHA256.new()\n"),
        (
            "from cryptography.hazmat.primitives import hashes\n\nhashes.Hash(hashes.MD5())\n",
            "from cryptography.hazmat.primitives import hashes\n\nhashes.Hash(hashes.SHA256())\n",
        ),
        (
            "from cryptography.hazmat.primitives.hashes import SHA1\n\nSHA1()\n",
            "from cryptography.hazmat.primitives.hashes import SHA1, SHA256\n\nSHA256()\n",
        ),
    ],
)
def test_other_libraries_have_sha256_too(check_fix, before, after):
    check_fix(before, after, "S303", applicability="unsafe")


@pytest.mark.parametrize("call", ["hashlib.md5(*data)", "hashlib.md5(**data)"])
def test_unknown_arguments_leave_one_way(bench, call):
    found = bench.findings(f"import hashlib\n\ndata = []\n{call}\n", "S324")
    assert [fix.title for finding in found for fix in finding.fixes] == ["hash with SHA-256"]


@pytest.mark.parametrize(
    "text",
    [
        "import crypt\n\ncrypt.crypt('x', salt=crypt.METHOD_MD5)\n",
        "import hashlib\n\nNAME = 'md5'\nhashlib.new(NAME)\n",
    ],
)
def test_what_is_not_known_is_left(bench, text):
    found = bench.findings(text, "S324")
    assert not [fix for finding in found for fix in finding.fixes if "SHA" in fix.title]


def test_a_name_taken_by_something_else_leaves_the_other_way(bench):
    text = "from hashlib import md5\n\n\ndef f(hashlib, sha256):\n    return md5(b'')\n"
    assert [fix.title for fix in bench.findings(text, "S324")[0].fixes] == ["say that the hash is not for security"]


def test_another_librarys_name_taken_by_something_else_is_left(check_declined):
    check_declined("from Crypto.Hash import MD5\n\n\ndef f(SHA256, Crypto):\n    return MD5.new(b'')\n", "S303")
