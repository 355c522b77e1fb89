"""Whatever source forbids that something leaves, no other can allow it."""

import pytest

from codetune_core.settings import Options, read_options, resolve

USER = "the user"


def check(*sources):
    """What holds of ``outbound``, and the keys of what is said."""
    resolved = resolve(sources)
    return resolved.settings.outbound, [notice.key for notice in resolved.notices]


def workspace(*, trusted=True, **outbound) -> Options:
    return Options("ws", {"outbound": outbound}, trusted=trusted, in_workspace=True)


@pytest.mark.parametrize("trusted", [True, False])
def test_a_workspace_can_forbid(trusted):
    user = Options(USER, {"outbound": {"ignore": ["*.pem"]}})
    held, notices = check(user, workspace(trusted=trusted, local_only=True, ignore=["*.sql", "*.pem"]))
    assert (held.local_only, held.ignore, notices) == (True, ("*.pem", "*.sql"), [])


@pytest.mark.parametrize("trusted", [True, False])
def test_a_workspace_cannot_allow(trusted):
    user = Options(USER, {"outbound": {"local_only": True, "ignore": ["*.pem"]}})
    asked = {"local_only": False, "ignore": [], "redact": False, "ledger_days": 1, "git_ignored": ["*"]}
    held, notices = check(user, workspace(trusted=trusted, **asked))
    assert (held.local_only, held.ignore, held.redact, held.ledger_days, held.git_ignored) == (
        (True, ("*.pem",), True, 90, ())
    )
    assert notices == [f"only-forbids:ws:outbound.{name}" for name in ("redact", "ledger_days", "git_ignored")]


def test_what_the_user_forbids_no_later_source_allows():
    sources = [{"local_only": True}, {"local_only": False, "redact": False}, {"ledger_days": 7}]
    held, notices = check(*(Options(USER, {"outbound": source}) for source in sources))
    assert (held.local_only, held.redact, held.ledger_days, notices) == (True, False, 7, [])


def test_a_mistake_is_said_and_what_is_left_holds():
    held, notices = check(workspace(local_only=True, ignroe=["x"]))
    assert held.local_only
    assert notices == ["unknown:ws:outbound.ignroe"]


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("codetune.toml", "[outbound]\nredact = false\nlocal_only = true"),
        ("pyproject.toml", "[tool.codetune.outbound]\nredact = false\nlocal-only = true"),
    ],
)
def test_the_files_of_a_workspace_are_known_as_such(tmp_path, trusted, name, text):
    (tmp_path / name).write_text(text)
    options, _ = read_options(tmp_path, trusted=trusted)
    held, notices = check(*options)
    assert (held.local_only, held.redact, len(notices)) == (True, True, 1)
