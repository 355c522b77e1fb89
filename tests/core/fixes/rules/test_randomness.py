"""Secrets come from the operating system's generator."""

# ruff: noqa: E501 - tables with a text on each line

import pytest

CASES = [
    ("token = random.choice(names)", "token = secrets.choice(names)"),
    ("token = random.choice(seq=names)", "token = secrets.choice(seq=names)"),
    (
        "token = ''.join(random.choice(letters) for _ in range(20))",
        "token = ''.join(secrets.choice(letters) for _ in range(20))",
    ),
    (
        "token = ''.join([random.choice(letters) for _ in range(n)])",
        "token = ''.join([secrets.choice(letters) for _ in range(n)])",
    ),
    ("token = ''.join(random.choice('0123456789abcdef') for _ in range(32))", "token = secrets.token_hex(16)"),
    ('token = "".join([random.choice("0123456789abcdef") for _ in range(8)])', "token = secrets.token_hex(4)"),
    (
        "token = ''.join(random.choice('0123456789abcdef') for _ in range(7))",
        "token = ''.join(secrets.choice('0123456789abcdef') for _ in range(7))",
    ),
    (
        "token = ''.join(random.choice('0123456789ABCDEF') for _ in range(8))",
        "token = ''.join(secrets.choice('0123456789ABCDEF') for _ in range(8))",
    ),
    (
        "token = '-'.join(random.choice('0123456789abcdef') for _ in range(8))",
        "token = '-'.join(secrets.choice('0123456789abcdef') for _ in range(8))",
    ),
    (
        "token = ''.join(random.choice('0123456789abcdef') for _ in range(8) if n)",
        "token = ''.join(secrets.choice('0123456789abcdef') for _ in range(8) if n)",
    ),
    ("token = ''.join(random.choices(letters, k=20))", "token = ''.join(secrets.choice(letters) for _ in range(20))"),
    ("token = ''.join(random.choices('0123456789abcdef', k=20))", "token = secrets.token_hex(10)"),
    ("token = random.choices(letters + names, k=n)", "token = [secrets.choice(letters + names) for _ in range(n)]"),
    ("token = random.choices(names(), k=n)", "token = secrets.SystemRandom().choices(names(), k=n)"),
    ("token = random.choices(names, weights=n, k=2)", "token = secrets.SystemRandom().choices(names, weights=n, k=2)"),
    ("token = random.choices(names)", "token = secrets.SystemRandom().choices(names)"),
    ("otp = random.randint(100000, 999999)", "otp = secrets.randbelow(900000) + 100000"),
    ("otp = str(random.randint(100000, 999999))", "otp = str(secrets.randbelow(900000) + 100000)"),
    ("otp = 2 * random.randint(1, 6)", "otp = 2 * (secrets.randbelow(6) + 1)"),
    ("otp = random.randint(0, 9)", "otp = secrets.randbelow(10)"),
    ("otp = random.randint(-5, 5)", "otp = secrets.randbelow(11) - 5"),
    ("otp = random.randint(0, n)", "otp = secrets.SystemRandom().randint(0, n)"),
    ("otp = random.randint(a=0, b=9)", "otp = secrets.SystemRandom().randint(a=0, b=9)"),
    ("otp = random.randint(9, 0)", "otp = secrets.SystemRandom().randint(9, 0)"),
    ("otp = random.randrange(n)", "otp = secrets.randbelow(n)"),
    ("otp = random.randrange(10 ** 6)", "otp = secrets.randbelow(10 ** 6)"),
    ("otp = random.randrange(1000, 10000)", "otp = secrets.randbelow(9000) + 1000"),
    ("otp = random.randrange(0, 10, 2)", "otp = secrets.SystemRandom().randrange(0, 10, 2)"),
    ("salt = random.randbytes(16)", "salt = secrets.token_bytes(16)"),
    ("salt = random.random()", "salt = secrets.SystemRandom().random()"),
    ("salt = random.uniform(1, 2)", "salt = secrets.SystemRandom().uniform(1, 2)"),
    ("salt = random.triangular()", "salt = secrets.SystemRandom().triangular()"),
    ("secret = random.Random()", "secret = secrets.SystemRandom()"),
    (
        "token = hash(str([random.choice(\n        names,  # which\n    )]))",
        "token = hash(str([secrets.choice(\n        names,  # which\n    )]))",
    ),
]


def _module(code, *imports):
    return "".join(f"import {name}\n" for name in imports) + f"\n\ndef f(names, letters, n):\n    {code}\n"


@pytest.mark.parametrize(("before", "after"), CASES)
def test_a_secret_comes_from_secrets(check_fix, before, after):
    check_fix(
        _module(before, "random"), _module(after, "random", "secrets"), "S311", title="secrets.", applicability="safe"
    )


@pytest.mark.parametrize(("before", "after"), CASES)
def test_windows_line_ends_and_tabs_stay(check_fix, before, after):
    def windows(text):
        return text.replace("    ", "\t").replace("\n", "\r\n")

    check_fix(windows(_module(before, "random")), windows(_module(after, "random", "secrets")), "S311")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from random import choice\n\ntoken = choice([1])\n", "import secrets\nfrom random import choice\n\ntoken = secrets.choice([1])\n"),
        ("import random as r\n\ntoken = r.choice([1])\n", "import random as r\nimport secrets\n\ntoken = secrets.choice([1])\n"),
        ("import secrets as s\nimport random\n\ntoken = random.choice([1])\n", "import secrets as s\nimport random\n\ntoken = s.choice([1])\n"),
        ("import random\nfrom secrets import choice\n\ntoken = random.choice([1])\n", "import random\nfrom secrets import choice\n\ntoken = choice([1])\n"),
        (
            "import random\nfrom secrets import token_urlsafe\n\ntoken = random.choice([1])\n",
            "import random\nfrom secrets import choice, token_urlsafe\n\ntoken = choice([1])\n",
        ),
        (
            "import random\n\n\ndef f(secrets):\n    return random.randbytes(5)\n",
            "import random\nfrom secrets import token_bytes\n\n\ndef f(secrets):\n    return token_bytes(5)\n",
        ),
        (
            "import random\n\nsecrets = {}\nsalt = random.randbytes(5)\n",
            "import random\nfrom secrets import token_bytes\n\nsecrets = {}\nsalt = token_bytes(5)\n",
        ),
        (
            "import random\n\n\ndef f(secrets, choice):\n    return random.choice([1])\n",
            "import random\nfrom secrets import SystemRandom\n\n\ndef f(secrets, choice):\n    return SystemRandom().choice([1])\n",
        ),
    ],
)  # fmt: skip
def test_the_module_is_imported_or_used_as_it_is_imported(check_fix, before, after):
    check_fix(before, after, "S311")


@pytest.mark.parametrize("code", ["colour = random.choice(names)", "random.seed(5)\n    token = random.choice(names)"])
def test_what_may_be_meant_to_repeat_itself_is_not_changed_without_asking(check_fix, code):
    after = _module(code.replace("random.choice", "secrets.choice"), "random", "secrets")
    check_fix(_module(code, "random"), after, "S311", applicability="unsafe", note="seed")


@pytest.mark.parametrize(
    "text",
    [
        "import random\n\ngenerator = random.Random(5)\n",
        "import random\n\ntoken = random.choice(*names)\n",
        "import random\n\n\ndef f(secrets, choice, SystemRandom):\n    return random.choice([1])\n",
    ],
)
def test_a_seed_unknown_arguments_or_taken_names_leave_it(check_declined, text):
    check_declined(text, "S311")
