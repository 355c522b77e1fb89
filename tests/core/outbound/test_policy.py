"""What may leave this machine is decided by the settings and by the files around what is asked about."""

import os
import subprocess

import pytest

from codetune_core.outbound.origin import Origin
from codetune_core.outbound.policy import Policy
from codetune_core.service_sections import OutboundSettings


@pytest.fixture
def shop(tmp_path):
    folder = tmp_path / "shop"
    (folder / "app").mkdir(parents=True)
    for name in ("app/orders.py", "app/prices.py", "notes.txt"):
        (folder / name).write_text("x = 1\n")
    return folder


def check(workspace, *paths, **settings) -> str:
    """Why nothing may leave; empty where it may."""
    return Policy(OutboundSettings(**settings)).refusal(Origin(workspace=str(workspace), paths=tuple(map(str, paths))))


def test_what_nobody_forbids_may_leave(shop):
    assert check(shop, "app/orders.py", shop / "notes.txt", "not_saved_yet.py") == ""
    assert (
        check(
            "",
        )
        == ""
    )


def test_the_user_keeps_everything_here(shop):
    assert "outbound.local_only is set in the settings" in check(shop, local_only=True)
    assert "local_only" in check("", local_only=True)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("codetune.toml", "[outbound]\nlocal_only = true\n"),
        ("codetune.toml", "outbound = {local-only = true}\n"),
        ("codetune.toml", "[outbound]\nlocalOnly = true\n"),
        ("pyproject.toml", "[tool.codetune.outbound]\nlocal_only = true\n"),
    ],
)
def test_a_workspace_stays_here_with_all_that_is_below_it(shop, name, text):
    (shop / name).write_text(text)
    for told in (
        check(shop),
        check(shop / "app"),
        check("", shop / "app" / "orders.py"),
        check(shop.parent, "shop/a.py"),
    ):
        assert f"{shop / name} says outbound.local_only" in told
    assert check(shop.parent) == ""


@pytest.mark.parametrize(
    "text",
    ["[outbound]\nlocal_only = maybe", "outbound = 1", "[outbound]\nlocal_only = 'yes'", "[outbound]\nignore = 'x'"],
)
def test_a_file_that_cannot_be_understood_forbids(shop, text):
    (shop / "codetune.toml").write_text(text)
    assert f"{shop / 'codetune.toml'} cannot be understood" in check(shop)


def test_a_file_that_says_nothing_of_it_forbids_nothing(shop):
    (shop / "codetune.toml").write_text("[rules]\nignore = 'not a list'\n")
    (shop / "pyproject.toml").write_text("[outbound]\nlocal_only = true\n")
    assert check(shop, "app/orders.py") == ""


def test_a_file_that_changes_is_read_anew(shop):
    rules = shop / "codetune.toml"
    rules.write_text("[outbound]\nlocal_only = true\n")
    assert check(shop)
    rules.write_text("[outbound]\nlocal_only = false \n")
    assert check(shop) == ""


@pytest.mark.parametrize(
    ("file", "text", "source"),
    [
        (".codetuneignore", "orders.py\n", ".codetuneignore"),
        (".codetuneignore", "/app/orders.py\n", ".codetuneignore"),
        (".codetuneignore", "app/\n", ".codetuneignore"),
        ("app/.codetuneignore", "/orders.py\n", ".codetuneignore"),
        ("codetune.toml", "[outbound]\nignore = ['**/orders.*']\n", "codetune.toml"),
        ("pyproject.toml", "[tool.codetune.outbound]\nignore = ['app/*', '!app/prices.py']\n", "pyproject.toml"),
    ],
)
def test_a_file_that_is_ignored_does_not_leave_and_others_do(shop, file, text, source):
    (shop / file).write_text(text)
    told = check(shop, "notes.txt", "app/orders.py")
    assert str(shop / "app" / "orders.py") in told
    assert told.endswith(f"{source} says so")
    assert check(shop, "notes.txt") == ""


@pytest.mark.parametrize("glob", ["orders.py", "app/", "/app/orders.py", "**/app/*.py"])
def test_the_users_own_globs_hold_in_each_workspace(shop, glob):
    assert "outbound.ignore of the settings says so" in check(shop, "app/orders.py", ignore=(glob,))
    assert check(shop, "notes.txt", ignore=(glob,)) == ""


def test_a_workspace_of_another_machine_is_judged_by_names_alone():
    assert check("shop", "app/orders.py") == ""
    assert "says so" in check("shop", "app/orders.py", ignore=("orders.py",))


@pytest.mark.parametrize("name", [".env", ".env.local", "deploy.pem", "id_ed25519", ".netrc", "app/server.key"])
def test_a_file_of_secrets_does_not_leave_whatever_is_in_it(shop, name):
    assert "a file of this name holds secrets" in check(shop, name)


@pytest.mark.parametrize("name", [".env.example", "environment.py", "keys.py", "monkey.keys"])
def test_a_file_with_a_name_that_is_only_alike_may_leave(shop, name):
    assert check(shop, name) == ""


def test_what_git_ignores_does_not_leave_unless_the_user_allows_it(shop):
    subprocess.run(["git", "init", "-q", shop], check=True)
    (shop / ".gitignore").write_text("*.txt\n/app/\n!kept.txt\n")
    assert "because git ignores it; outbound.git_ignored" in check(shop, "notes.txt")
    assert "because git ignores it" in check("", shop / "app" / "orders.py")
    assert check(shop, "kept.txt") == ""
    assert check(shop, "notes.txt", git_ignored=("*.txt",)) == ""
    assert check(shop, "app/orders.py", git_ignored=("*.txt",))


def test_a_link_leads_round_no_rule(shop):
    (shop / ".codetuneignore").write_text("orders.py\n")
    (shop / "innocent.py").symlink_to(shop / "app" / "orders.py")
    away = shop.parent / "away"
    away.symlink_to(shop)
    assert "says so" in check(shop, "innocent.py")
    assert "says so" in check("", away / "app" / "orders.py")
    (shop / "codetune.toml").write_text("[outbound]\nlocal_only = true\n")
    assert "says outbound.local_only" in check(away)


def test_a_path_that_climbs_is_judged_where_it_leads(shop):
    (shop / ".codetuneignore").write_text("orders.py\n")
    assert "says so" in check(shop, f"app{os.sep}..{os.sep}app{os.sep}orders.py")
