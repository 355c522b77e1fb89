"""Database URLs in every common spelling, and a password that is never shown."""

import asyncio
import logging
import os
import ssl
import traceback
from pathlib import Path

import asyncpg
import pytest
from asyncpg import connect_utils

from codetune_core.errors import CodeTuneError, StorageError
from codetune_core.storage.connect import _explained
from codetune_core.storage.database import Database
from codetune_core.storage.url import VARIABLE, configured_url, default_url, fallback_url, parse_url

CANARY = "c4n@ry/p?ss#w:rd%"
ENCODED = "c4n%40ry%2Fp%3Fss%23w%3Ard%25"


def resolved(url):
    """Addresses and parameters as asyncpg would use them."""
    asked = {"host": None, "port": None, "user": None, "password": None, "passfile": None, "database": None}
    asked |= {"ssl": None, "service": None, "servicefile": None, "direct_tls": None, "server_settings": None}
    asked |= {"target_session_attrs": None, "krbsrvname": None, "gsslib": None}
    asked |= {key: value for key, value in parse_url(url).server.arguments().items() if key != "timeout"}
    return connect_utils._parse_connect_dsn_and_args(**asked)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("PG")] + [VARIABLE]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize(
    "scheme",
    [
        *("postgres", "postgresql", "postgresql+asyncpg", "postgresql+psycopg", "postgresql+psycopg2", "POSTGRESQL"),
        *("postgresql+pg8000", "postgres+asyncpg"),
    ],
)
def test_every_scheme_of_postgresql_is_the_same(scheme):
    addresses, parameters = resolved(f"{scheme}://ada:secret@db.example:5433/team")[:2]
    assert addresses == [("db.example", 5433)]
    assert (parameters.user, parameters.password, parameters.database) == ("ada", "secret", "team")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("secret", "secret"),
        ("p%40ss", "p@ss"),
        ("p@ss", "p@ss"),
        ("p@s@s", "p@s@s"),
        ("p/ss", "p/ss"),
        ("p/s@s/", "p/s@s/"),
        ("p?ss", "p?ss"),
        ("p#ss", "p#ss"),
        ("p:ss", "p:ss"),
        ("p[s]s", "p[s]s"),
        ("100%25", "100%"),
        ("p+s s", "p+s s"),
        ("%E6%97%A5", "日"),
        (ENCODED, CANARY),
    ],
)
@pytest.mark.parametrize("rest", ["@h/d", "@h:6000/d?sslmode=disable", "@h/d?application_name=a%40b&connect_timeout=5"])
def test_a_password_of_any_characters_is_read(written, meant, rest):
    addresses, parameters = resolved(f"postgresql://u:{written}{rest}")[:2]
    assert (parameters.user, parameters.password, parameters.database) == ("u", meant, "d")
    assert addresses[0][0] == "h"


@pytest.mark.parametrize(
    ("rest", "addresses"),
    [
        ("u@h/d", [("h", 5432)]),
        ("u@h:1/d", [("h", 1)]),
        ("u@127.0.0.1/d", [("127.0.0.1", 5432)]),
        ("u@[::1]/d", [("::1", 5432)]),
        ("u@[2001:db8::7]:5433/d", [("2001:db8::7", 5433)]),
        ("u@a,b:2,[::1]:3/d", [("a", 5432), ("b", 2), ("::1", 3)]),
        ("u@/d?host=/run/pg", ["/run/pg/.s.PGSQL.5432"]),
        ("u@/d?host=/run/pg&port=7", ["/run/pg/.s.PGSQL.7"]),
        ("/d?host=/run/pg&user=u", ["/run/pg/.s.PGSQL.5432"]),
        ("u@%2Frun%2Fpg/d", ["/run/pg/.s.PGSQL.5432"]),
        ("u@/d?host=h", [("h", 5432)]),
        ("u@h/d?", [("h", 5432)]),
        ("?host=h&user=u&dbname=d", [("h", 5432)]),
        ("u@h?database=d", [("h", 5432)]),
    ],
)
def test_a_place_is_read(rest, addresses):
    found, parameters = resolved(f"postgresql://{rest}")[:2]
    assert found == addresses
    assert (parameters.user, parameters.database) == ("u", "d")


@pytest.mark.parametrize(
    ("option", "check"),
    [
        ("sslmode=require", lambda p: p.sslmode == connect_utils.SSLMode.require),
        ("sslmode=disable", lambda p: p.ssl is False),
        ("ssl=true", lambda p: p.sslmode == connect_utils.SSLMode.require),
        ("ssl=disable", lambda p: p.ssl is False),
        ("application_name=code%20tune", lambda p: p.server_settings["application_name"] == "code tune"),
        ("options=-c%20statement_timeout%3D5s", lambda p: p.server_settings["options"] == "-c statement_timeout=5s"),
        ("channel_binding=prefer", lambda p: p.server_settings is None),
        ("keepalives=1&keepalives_idle=30", lambda p: p.server_settings is None),
        ("connect_timeout=7", lambda p: p.server_settings is None),
        ("target_session_attrs=read-write", lambda p: p.target_session_attrs.value == "read-write"),
        ("sslmode=require&channel_binding=require", lambda p: p.ssl.verify_mode is ssl.CERT_REQUIRED),
        ("sslrootcert=system", lambda p: p.ssl.check_hostname and p.ssl.verify_mode is ssl.CERT_REQUIRED),
    ],
)
def test_options_of_libpq_and_of_hosting_services_are_understood(option, check):
    assert check(resolved(f"postgresql://u:p@h/d?{option}")[1])


def test_a_missing_password_is_looked_up_in_pgpass(tmp_path):
    (tmp_path / ".pgpass").write_text("h:5432:d:u:from-file\n")
    (tmp_path / ".pgpass").chmod(0o600)
    assert resolved("postgresql://u@h/d")[1].password == "from-file"


def test_a_missing_user_and_name_are_those_of_the_environment(monkeypatch):
    monkeypatch.setenv("PGUSER", "eve")
    parameters = resolved("postgresql://h")[1]
    assert (parameters.user, parameters.database) == ("eve", "eve")


@pytest.mark.parametrize(("seconds", "timeout"), [("7", 7), ("0", None)])
def test_the_time_to_connect_is_read(seconds, timeout):
    assert parse_url(f"postgresql://h/d?connect_timeout={seconds}").server.timeout == timeout


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:////data/c.db", Path("/data/c.db")),
        ("sqlite+aiosqlite:////data/c.db", Path("/data/c.db")),
        ("sqlite+pysqlite:////data/my%20file.db", Path("/data/my file.db")),
        ("sqlite:///c.db", Path.cwd() / "c.db"),
        ("sqlite:///a/b.db", Path.cwd() / "a" / "b.db"),
        ("sqlite:///C:/data/c.db", Path("C:/data/c.db").absolute()),
        (r"sqlite:///C:\data\c.db", Path(r"C:\data\c.db").absolute()),
        (" sqlite:////data/c.db\n", Path("/data/c.db")),
    ],
)
def test_a_sqlite_file_is_read(url, path):
    found = parse_url(url)
    assert (found.dialect, found.path) == ("sqlite", path)


def test_a_home_folder_is_read(tmp_path):
    assert parse_url("sqlite:///~/c.db").path == tmp_path / "c.db"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://u:SECRET@h/d", "'mysql://'"),
        ("SECRET", "no '://'"),
        ("postgresql:u:SECRET@h/d", "no '://'"),
        ("sqlite://", "names no file"),
        ("sqlite:///", "names no file"),
        ("sqlite://SECRET/x", "names no file"),
        ("sqlite:///:memory:", "keeps nothing"),
        ("sqlite:///c.db?mode=SECRET", "no options"),
        ("postgresql://u:SECRET@h:port/d", "host in the database URL"),
        ("postgresql://u:SECRET", "host in the database URL"),
        ("postgresql://u:SECRET@[::1/d", "host in the database URL"),
        ("postgresql://u:SECRET@h/d?nonsense=SECRET", "option that is not known"),
        ("postgresql://u:SECRET@h/d?sslmode=require&nonsense=SECRET", "option that is not known"),
        ("postgresql://u:SECRET@h/d?connect_timeout=SECRET", "not a number of seconds"),
    ],
)
def test_what_is_no_database_url_is_said_without_showing_it(url, says):
    with pytest.raises(StorageError, match=says) as raised:
        parse_url(url)
    assert "SECRET" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{ENCODED}@h/d",
        f"postgresql://u:{CANARY}@h/d",
        f"postgresql://u@h/d?password={ENCODED}",
        f"postgresql://h/d?user=u&sslpassword={ENCODED}&sslmode=require",
        f"postgresql://u:{CANARY}@a,b/d?application_name=x",
    ],
)
def test_a_password_is_in_no_text_about_a_url(url):
    parsed = parse_url(url)
    texts = [repr(parsed), str(parsed), parsed.shown, repr(parsed.server), f"{parsed.server}"]
    assert not [text for text in texts if CANARY in text or ENCODED in text or "c4n" in text]
    assert parsed.hide(f"bad {CANARY} and {ENCODED}") == "bad *** and ***"


@pytest.mark.parametrize(
    "error",
    [
        OSError(f"cannot reach {CANARY}"),
        ValueError(f"bad query field: {ENCODED!r}"),
        asyncpg.InvalidPasswordError(f"password {CANARY} is wrong"),
        asyncpg.InvalidCatalogNameError(f"no database {ENCODED}"),
        asyncpg.ClientConfigurationError(f"{CANARY}"),
        ssl.SSLCertVerificationError(f"{CANARY}"),
        TimeoutError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_a_driver_writes_into_its_error_the_password_is_not_shown(error):
    explained = _explained(parse_url(f"postgresql://u:{CANARY}@h/d").server, error)
    assert "c4n" not in str(explained)
    assert "postgresql://u@h/d" in str(explained)


async def test_a_password_is_in_no_log_and_no_traceback_of_a_server_out_of_reach(tmp_path, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    url = parse_url(f"postgresql://u:{ENCODED}@/d?host={tmp_path}")
    async with Database(url, connect_seconds=0.3) as database:
        with pytest.raises(CodeTuneError) as raised:
            async with database.read() as session:
                await session.connection()
    shown = "".join(traceback.format_exception(raised.value)) + caplog.text + "".join(capsys.readouterr())
    shown += repr(database.engine) + str(database.engine.url)
    assert "c4n" not in shown
    assert str(tmp_path) in str(raised.value)
    await asyncio.sleep(0)


def test_the_environment_goes_before_the_setting_and_the_setting_before_the_default(monkeypatch):
    assert configured_url("") == default_url()
    assert configured_url("sqlite:////a.db").path == Path("/a.db")
    monkeypatch.setenv(VARIABLE, "sqlite:////b.db")
    assert configured_url("sqlite:////a.db").path == Path("/b.db")


def test_the_fallback_is_never_the_default_file():
    assert fallback_url().path != default_url().path
    assert fallback_url().path.parent == default_url().path.parent
