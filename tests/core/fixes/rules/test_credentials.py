import pytest

from codetune_core.detectors.rule_pack import load_rules
from codetune_core.domain.fix import Applicability
from codetune_core.fixes.registry import fixable

VALUE = '"s3cr3t-Pa55"'


@pytest.mark.parametrize(
    ("target", "variable"),
    [
        ("PASSWORD", "PASSWORD"),
        ("db_password", "DB_PASSWORD"),
        ("API_TOKEN", "API_TOKEN"),
        ("_secret", "SECRET"),
        ("password: str", "PASSWORD"),
        ("password_2", "PASSWORD_2"),
    ],
)
@pytest.mark.parametrize("value", [VALUE, "'s3cr3t-Pa55'", '("s3cr3t-Pa55")'])
def test_a_constant_is_read_from_the_environment(check_fix, target, variable, value):
    before = f"import os\n{target} = {value}  # login\n"
    after = f'import os\n{target} = os.environ["{variable}"]  # login\n'
    fix = check_fix(before, after, "S105", applicability=Applicability.UNSAFE)
    assert "revoke" in fix.note
    assert f"`{variable}`" in fix.note


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"password = {VALUE}\n", 'import os\n\npassword = os.environ["PASSWORD"]\n'),
        (f'"""Doc."""\n\npassword = {VALUE}\n', '"""Doc."""\n\nimport os\n\npassword = os.environ["PASSWORD"]\n'),
        (
            f"from os import environ\r\npassword = {VALUE}\r\n",
            'from os import environ\r\npassword = environ["PASSWORD"]\r\n',
        ),
        (f"import os as o\npassword = {VALUE}\n", 'import os as o\npassword = o.environ["PASSWORD"]\n'),
        (
            f'import os\nconfig = {{}}\nconfig["db_password"] = {VALUE}\n',
            'import os\nconfig = {}\nconfig["db_password"] = os.environ["DB_PASSWORD"]\n',
        ),
        (
            f"import os\napp = f = os\napp.secret = {VALUE}\n",
            'import os\napp = f = os\napp.secret = os.environ["SECRET"]\n',
        ),
        (f"import os\npassword = {VALUE}; a = 1\n", 'import os\npassword = os.environ["PASSWORD"]; a = 1\n'),
    ],
)
def test_the_environment_is_reached_by_the_imports_that_are_there(check_fix, before, after):
    check_fix(before, after, "S105")


@pytest.mark.parametrize(
    ("target", "variable"),
    [("GITHUB", "GITHUB"), ("githubToken", "GITHUB_TOKEN"), ("theHTTPKey2", "THE_HTTP_KEY2"), ('x["a b.c"]', "A_B_C")],
)
def test_a_known_token_is_read_from_the_environment(check_fix, target, variable):
    token = "ghp_" + "wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx"
    before = f'import os\nx = {{}}\n{target} = "{token}"\n'
    check_fix(before, f'import os\nx = {{}}\n{target} = os.environ["{variable}"]\n', "secret-github-token")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (f"def f():\n    password = {VALUE}\n    return password\n", "S105"),
        (f"class A:\n    password = {VALUE}\n", "S105"),
        (f"def f(password): return password == {VALUE}\n", "S105"),
        (f"x = dict(password={VALUE})\n", "S106"),
        (f"def f(password={VALUE}): ...\n", "S107"),
        (f"def f(*, token: str = {VALUE}): ...\n", "S107"),
        (f"if True:\n    password = {VALUE}\n", "S105"),
        (f"password = token = {VALUE}\n", "S105"),
    ],
)
def test_elsewhere_there_is_only_advice(check_declined, text, rule):
    shown = check_declined(text, rule)
    assert shown
    assert all("revoke" in fix.note for fix in shown)


def test_every_kind_of_secret_has_advice():
    assert set(load_rules("secrets")) <= fixable()
