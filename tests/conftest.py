"""For every test: databases of each kind in turn, with all tables and no rows; properties that time does not fail."""

import asyncio
import gc
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import hypothesis
import pytest
from databases import PROGRAMS, postgresql_server

from codetune_core.runtime.folder import holder
from codetune_core.storage.database import Database
from codetune_core.storage.migrate import upgrade
from codetune_core.storage.url import parse_url

MEMORY = Path("/dev/shm")

if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 4e9:  # thousands of small databases, each gone in a second
    tempfile.tempdir = os.environ["TMPDIR"] = str(MEMORY)
# Nothing of whoever runs the tests is theirs: keys, proxies on the way to this machine, models, their processes, cards.
for name in [name for name in os.environ if name.startswith("CODETUNE_") and not name.startswith("CODETUNE_REQUIRE_")]:
    del os.environ[name]
for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
    os.environ.pop(name, None)
RUNTIME = Path(tempfile.mkdtemp(prefix="ctr"))  # short, for sockets lie in it
os.environ |= {
    "CUDA_VISIBLE_DEVICES": "",
    "HF_HOME": "/nonexistent",
    "HF_HUB_OFFLINE": "1",
    "NO_PROXY": "127.0.0.1,localhost,::1",
    "OMP_NUM_THREADS": "1",  # as many processes run as there are cores
    "PYDANTIC_DISABLE_PLUGINS": "__all__",  # each process would look for some
    "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    "XDG_RUNTIME_DIR": str(RUNTIME),
}
os.environ.pop("no_proxy", None)
# What Python made of a file is kept: hundreds of processes start here, and each test file is rewritten for pytest.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
for name in ("CONFIG", "DATA", "STATE"):
    os.environ[f"XDG_{name}_HOME"] = str(RUNTIME / "home")
# What a property takes depends on who else uses the processor.
hypothesis.settings.register_profile("codetune", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("codetune")

KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]


def pytest_collection():
    """Collect no garbage while modules are imported, torch among them: they make none."""
    gc.disable()


def pytest_collection_finish():
    """Let the collector pass over what all tests share: the modules, and the tests themselves."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_unconfigure():
    shutil.rmtree(RUNTIME, ignore_errors=True)


def database_name(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]


async def make_tables(url: str) -> None:
    async with Database(parse_url(url)) as database:
        await upgrade(database)


def install_starters(folder: Path, url: str) -> None:
    from serving import open_once, settings_for  # noqa: PLC0415 - only where a test opens cores

    asyncio.run(open_once(settings_for(folder, url)))


@pytest.fixture(scope="session", autouse=True)
def no_model_process_and_no_daemon_stays():
    """Fail where a test left one that it did not start in a folder of its own."""
    yield
    left = {lock.stem: holder(lock) for lock in RUNTIME.glob("codetune*/*.lock")}
    for pid in filter(None, left.values()):
        os.kill(pid, signal.SIGKILL)
    assert not any(left.values()), left


@pytest.fixture(scope="session")
def postgresql():
    """A running PostgreSQL server."""
    if PROGRAMS is None:
        assert not os.environ.get("CODETUNE_REQUIRE_POSTGRESQL"), "PostgreSQL is not installed"
        pytest.skip("PostgreSQL is not installed")
    with postgresql_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgresql_tables(postgresql):
    """Name of a database with all tables."""
    url = postgresql.create()
    asyncio.run(make_tables(url))
    return database_name(url)


@pytest.fixture(scope="session")
def postgresql_starters(postgresql, postgresql_tables, tmp_path_factory):
    """The same with the starter prompts, whose installation takes ten times as long as opening a core does."""
    url = postgresql.create(postgresql_tables)
    install_starters(tmp_path_factory.mktemp("starters"), url)
    return database_name(url)


@pytest.fixture(scope="session")
def postgresql_template(postgresql_tables):
    """Name of the database to be copied: ``postgresql_starters`` where tests open cores."""
    return postgresql_tables


@pytest.fixture(scope="session")
def sqlite_tables(tmp_path_factory):
    """A file with all tables."""
    path = tmp_path_factory.mktemp("template") / "codetune.db"
    asyncio.run(make_tables(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def sqlite_starters(sqlite_tables, tmp_path_factory):
    """The same with the starter prompts."""
    folder = tmp_path_factory.mktemp("starters")
    path = shutil.copy(sqlite_tables, folder / "codetune.db")
    install_starters(folder, f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def sqlite_template(sqlite_tables):
    """The file to be copied: ``sqlite_starters`` where tests open cores."""
    return sqlite_tables


@pytest.fixture
def sqlite_url(sqlite_template, tmp_path):
    """URL of a fresh SQLite database with all tables."""
    path = tmp_path / "codetune.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgresql_url(postgresql, postgresql_template):
    """URL of a fresh PostgreSQL database with all tables."""
    url = postgresql.create(postgresql_template)
    yield url
    postgresql.drop(url)


@pytest.fixture(params=KINDS)
def empty_url(request, tmp_path):
    """URL of a database of each kind in turn, with nothing in it."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server = request.getfixturevalue("postgresql")
    url = server.create()
    yield url
    server.drop(url)


@pytest.fixture(params=KINDS)
def database_url(request):
    """URL of a fresh database of each kind in turn, with all tables."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
async def database(database_url):
    """A fresh database of each kind in turn, with all tables."""
    async with Database(parse_url(database_url)) as opened:
        yield opened


@pytest.fixture
def somebody(sqlite_url, monkeypatch):
    """A user whose daemon ends with the test."""
    import daemons  # noqa: PLC0415 - only for who has one

    with daemons.user(sqlite_url, monkeypatch) as user:
        user.scripted()
        yield user
