"""``codetune keys create``, ``issued`` and ``revoke``: here, offline, and on a service that runs elsewhere."""

import asyncio
import hashlib
import json

import pytest
from elsewhere import service_elsewhere

from codetune_core.access.key_text import key_id
from codetune_core.access.keys import ServiceKeys
from codetune_core.domain.service_key import Scope
from codetune_core.storage.database import Database
from codetune_core.storage.key_store import SqlKeyStore
from codetune_core.storage.url import parse_url


@pytest.fixture(scope="session")
def sqlite_template(sqlite_starters):
    return sqlite_starters


@pytest.fixture
def database(sqlite_url, monkeypatch):
    """The database that the settings name."""
    monkeypatch.setenv("CODETUNE_DATABASE_URL", sqlite_url)
    return sqlite_url


def verified(url, text):
    async def work():
        async with Database(parse_url(url)) as opened:
            keys = ServiceKeys(SqlKeyStore(opened))
            try:
                return await keys.verify(text)
            finally:
                await keys.aclose()

    return asyncio.run(work())


def listed(run, *options):
    return json.loads(run("keys", "issued", "--format", "json", *options).stdout)


def test_a_key_is_the_last_word_of_the_output_and_works(run, database):
    made = run("keys", "create", "--user", "ada", "--scope", "execute", "--scope", "prompts:write", "--note", "laptop")
    assert made.exit_code == 0
    text = made.output.split()[-1]
    assert made.stdout == f"{text}\n"
    key = verified(database, text)
    assert (key.user_id, key.scopes, key.note) == ("ada", {Scope.EXECUTE, Scope.PROMPTS_WRITE}, "laptop")


def test_a_developer_s_key_executes_and_reads_for_90_days(run, database):
    key = verified(database, run("keys", "create").stdout.strip())
    assert key.scopes == {Scope.EXECUTE, Scope.READ}
    assert (key.expires_at - key.created_at).days == 90
    assert key.user_id == key.created_by != ""


@pytest.mark.usefixtures("database")
def test_keys_are_listed_without_the_keys_and_revoked(run):
    assert "codetune keys create" in run("keys", "issued").stdout
    texts = [run("keys", "create", "--user", user, "--expires", "never").stdout.strip() for user in ("ada", "bob")]
    assert [key["user"] for key in listed(run)] == ["bob", "ada"]
    gone = run("keys", "revoke", key_id(texts[0]))
    assert gone.stdout == f"revoked: {key_id(texts[0])} of ada\n"
    table = run("keys", "issued").stdout
    assert [line.split()[1] for line in table.splitlines()] == ["USER", "bob", "ada"]
    assert "revoked 20" in table
    assert "never expires" in table
    assert not any(text[15:40] in table + json.dumps(listed(run)) for text in texts)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["create", "--expires", "soon"], "write 90d, 2027-01-01 or never"),
        (["create", "--expires", "2020-01-01"], "over before it is used"),
        (["create", "--scope", "root"], "'root' is not one of"),
        (["create", "--user", "a" * 101], "--user"),
        (["revoke", "nobodys"], "codetune keys issued"),
        (["issued", "--remote"], "Set remote.base_url"),
    ],
)
@pytest.mark.usefixtures("database")
def test_what_cannot_be_done_is_said(run, arguments, said):
    result = run("keys", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not listed(run)


def test_what_somebody_wrote_beside_a_key_does_not_steer_the_terminal(run):
    assert run("keys", "create", "--user", "a\x1b[2J", "--note", "\u202eb").exit_code == 0
    listed = run("keys", "issued").stdout
    assert "\x1b" not in listed
    assert "\u202e" not in listed
    assert "a\N{SYMBOL FOR ESCAPE}[2J" in listed


def test_an_offline_key_is_printed_with_its_hash_and_kept_nowhere(run, tmp_path, monkeypatch):
    monkeypatch.setenv("CODETUNE_DATABASE_URL", f"sqlite:///{tmp_path / 'none.db'}")
    assignment, text = run("keys", "create", "--offline").stdout.split()
    assert assignment == f"CODETUNE_ADMIN_KEY_SHA256={hashlib.sha256(text.encode()).hexdigest()}"
    assert key_id(text)
    assert not (tmp_path / "none.db").exists()


def test_keys_of_a_service_elsewhere_are_made_listed_and_revoked(run, tmp_path, sqlite_url, monkeypatch):
    here = f"sqlite:///{tmp_path / 'here.db'}"
    monkeypatch.setenv("CODETUNE_DATABASE_URL", here)
    own = tmp_path / "home" / "codetune" / "codetune.toml"
    own.parent.mkdir(parents=True)
    monkeypatch.delenv("CODETUNE_DATABASE_URL")
    with service_elsewhere(tmp_path / "there", sqlite_url, root=(Scope.ADMIN,)) as (address, keys):
        monkeypatch.setenv("CODETUNE_REMOTE_KEY", keys["root"])
        own.write_text(f'[remote]\nbase_url = "{address}"\n[storage]\ndatabase_url = "{here}"\n')
        made = run("keys", "create", "--remote", "--user", "ada")
        assert made.exit_code == 0, made.output
        text = made.stdout.strip()
        assert verified(sqlite_url, text).user_id == "ada"
        assert [key["user"] for key in listed(run, "--remote")] == ["ada", "root"]
        assert run("keys", "revoke", "--remote", key_id(text)).exit_code == 0
        assert run("keys", "revoke", "--remote", "nobodys").exit_code == 2
        assert run("keys", "create", "--remote", "--expires", "soon").exit_code == 2
        assert listed(run) == []
        assert "add --remote" in run("keys", "issued").stderr
        monkeypatch.setenv("CODETUNE_REMOTE_KEY", text)
        refused = run("keys", "issued", "--remote")
    assert refused.exit_code == 2
    assert "revoked" in refused.stderr
    assert text not in refused.output
