"""What a client of another machine names is compared as text, and never looked for on the service's disk."""

import builtins
import os
from pathlib import Path

import pytest
from api_client import Api, people
from serving import on_socket, running, settings_for
from streams import SCRIPT, body

from codetune_core.domain.execution import Keep
from codetune_core.domain.service_key import Scope
from codetune_core.execution.wire import ExecuteBody
from codetune_core.history.protocol import Filter

EMBED, EXECUTE = "POST /api/embed", "POST /api/execute"
HIDDEN = "canary-of-the-service"


@pytest.fixture
def looked(monkeypatch):
    """Every path below the canary that something in this process looked at, or opened."""
    found = []

    def noting(really):
        def call(path, *arguments, **options):
            if HIDDEN in str(path):
                found.append(path)
            return really(path, *arguments, **options)

        return call

    for name in ("stat", "lstat", "readlink", "open", "scandir", "listdir", "access"):
        monkeypatch.setattr(os, name, noting(getattr(os, name)))
    monkeypatch.setattr(builtins, "open", noting(open))
    monkeypatch.setattr("io.open", noting(builtins.open))
    return found


@pytest.fixture
def folder(tmp_path):
    """A folder of the service's machine whose own rules would be seen."""
    made = tmp_path / HIDDEN
    made.mkdir()
    (made / "codetune.toml").write_text("[outbound]\nlocal_only = true\n")
    (made / "config.json").write_text("{}")
    return made


@pytest.fixture
def ask(sqlite_url, tmp_path, looked):
    """Ask a service with these settings over TCP and over its socket; return statuses and details of both."""

    async def both(asked, sent, **sections):
        settings = settings_for(tmp_path, sqlite_url, SCRIPT, **sections)
        async with running(settings) as service:
            async with people(service, ada=(Scope.EXECUTE,)) as known:
                looked.clear()
                away = await _answer(known["ada"], asked, sent)
                seen_away = list(looked)
            async with on_socket(service, tmp_path / "s") as client:
                here = await _answer(Api(client), asked, sent)
            rows = await service.core.history.page(Filter(), None, 10)
        return away, seen_away, here, list(looked), rows[::-1]

    return both


async def _answer(api, asked, sent):
    method, _, path = asked.partition(" ")
    headers = {**api.headers, "Accept": "application/json"}
    async with api.client.request(method, path, json=sent, headers=headers) as answer:
        return answer.status, await answer.text()


async def test_files_are_names_to_the_outbound_rules(ask, folder, monkeypatch):
    monkeypatch.setenv("MODELS_KEY", "a key")
    engine = {"name": "openai", "base_url": "https://models.example/v1", "model": "small", "key_env": "MODELS_KEY"}
    sent = {"texts": ["a"], "workspace": str(folder), "paths": [f"{folder}/.env"]}
    away, seen, here, seen_here, _ = await ask(EMBED, sent, engine=engine)
    assert away[0] == here[0] == 422
    assert "holds secrets" in away[1]
    assert "outbound.local_only" in here[1]
    assert (seen, seen_here != []) == ([], True)


async def test_a_workspace_is_a_name_to_what_is_kept(ask, folder):
    kept = {"workspaces": {f"/home/ada/{HIDDEN}": Keep.METADATA}}
    sent = body(workspace=str(folder), paths=[str(folder / "a.py")])
    away, seen, here, seen_here, rows = await ask(EXECUTE, sent, history=kept)
    assert away[0] == here[0] == 200
    assert [(row.workspace, row.keep) for row in rows] == [(HIDDEN, Keep.METADATA), (str(folder), Keep.FULL)]
    assert (seen, seen_here != []) == ([], True)


@pytest.mark.parametrize("there", ["", "/nowhere"])
@pytest.mark.parametrize("asked", [EXECUTE, EMBED])
async def test_a_model_is_no_folder_whether_there_is_one_or_not(ask, folder, asked, there):
    model = f"{folder}{there}"
    sent = body(model=model) if asked == EXECUTE else {"texts": ["a"], "model": model}
    away, seen, _, seen_here, _ = await ask(asked, sent, engine={"name": "auto"})
    assert away[0] == 422
    assert "ask for a model by its name or id" in away[1]
    assert (seen, seen_here != []) == ([], True)


@pytest.mark.parametrize(
    ("workspace", "paths", "known", "named"),
    [
        ("/home/ada/shop/", ["/home/ada/shop/.env"], "shop", ["home/ada/shop/.env"]),
        ("C:\\Users\\ada\\shop", ["C:\\Users\\ada\\.env", "src/a.py"], "shop", ["Users/ada/.env", "src/a.py"]),
        ("//host/share", ["\\\\host\\share\\a.py"], "", ["a.py"]),
        ("/", ["/", "", "../../etc/passwd"], "", ["", "", "../../etc/passwd"]),
        ("shop", [], "shop", []),
    ],
)
def test_the_roots_of_all_systems_are_left_out(workspace, paths, known, named):
    sent = ExecuteBody.model_validate({"task": "explain", "prompt": "x", "workspace": workspace, "paths": paths})
    meant = sent.of_elsewhere()
    assert (meant.workspace, list(meant.paths)) == (known, named)
    assert not any(Path(path).is_absolute() for path in (meant.workspace, *meant.paths))
