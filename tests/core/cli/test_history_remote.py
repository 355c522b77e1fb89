"""``codetune history --remote``: what the service of the team ran is listed, shown and deleted as what ran here."""

import asyncio
import datetime as dt
import json

import pytest
from elsewhere import service_elsewhere
from executions import ended
from http_peer import Peer, in_turn, serving, told
from http_peer import text as page
from serving import on_tcp, running, settings_for
from space_hub import Space as HubSpace
from space_hub import hub_here
from wire import HOST, wire

from codetune_core.bootstrap.core import open_core
from codetune_core.cli.history_places import opened
from codetune_core.domain.execution import ErrorKind, Task
from codetune_core.domain.identifiers import new_id
from codetune_core.domain.service_key import Scope
from codetune_core.errors import EngineLost
from codetune_core.outbound.gate import Gate
from codetune_core.outbound.origin import Origin
from codetune_core.settings import Settings
from codetune_core.storage.url import VARIABLE

USER = (Scope.READ, Scope.EXECUTE)
CANARY = "Canary_in_the_answer"
SECRET = "AKIA" + "Q3EGRIPVK7Z5WXYT"
NO_FILTER = dict.fromkeys(("prompt", "task", "workspace", "user", "model", "since", "until"))


@pytest.fixture(scope="session")
def sqlite_template(sqlite_starters):
    return sqlite_starters


@pytest.fixture
def ask_as(workspace, monkeypatch):
    """Set the service that is asked, and the key."""
    monkeypatch.setenv("XDG_STATE_HOME", str(workspace.parent / "state"))
    own = workspace.parent / "home" / "codetune" / "codetune.toml"
    own.parent.mkdir(parents=True, exist_ok=True)

    def configure(address, key, **remote):
        monkeypatch.setenv("CODETUNE_REMOTE_KEY", key)
        here = f"sqlite:///{workspace.parent / 'here.db'}"
        lines = [f"{name} = {json.dumps(value)}" for name, value in {"base_url": address, **remote}.items()]
        own.write_text("\n".join([f'[storage]\ndatabase_url = "{here}"\n[remote]', *lines]))

    return configure


@pytest.fixture
def there(tmp_path, sqlite_url, ask_as):
    """The service elsewhere, asked by ada; gives what lets another one ask."""
    with service_elsewhere(tmp_path / "there", sqlite_url, ada=USER, bob=USER, chief=(Scope.ADMIN,)) as (address, keys):
        ask_as(address, keys["ada"])
        yield lambda name, **remote: ask_as(address, keys.get(name, name), **remote)


@pytest.fixture
def check(run):
    """Run ``codetune history``; check how it ends and what it says; return what it printed."""

    def run_and_check(*arguments, code=0, says=""):
        result = run("history", *arguments)
        assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
        assert says in result.output, result.output
        return result.stdout

    return run_and_check


def done(**changes):
    return ended(**{"executed_at": dt.datetime.now(dt.UTC), "output_data": CANARY, **changes})


def ids(check, *arguments):
    return [entry["id"] for entry in json.loads(check("list", "--remote", "--format", "json", *arguments))]


@pytest.mark.parametrize("form", [["--format", "json"], ["--format", "json", "--with-code"], []])
@pytest.mark.usefixtures("there")
def test_what_ran_there_is_told_as_what_ran_here(check, recorded, sqlite_url, monkeypatch, form):
    two = recorded(
        done(executed_at=dt.datetime.now(dt.UTC) - dt.timedelta(hours=2), user_feedback=4),
        done(success=False, error_kind=ErrorKind.TIMEOUT, estimated_cost_usd=None),
    )
    listed = check("list", "--remote", *form)
    shown = check("show", "--remote", two[0].id, *form[:2])
    monkeypatch.setenv(VARIABLE, sqlite_url)
    assert listed == check("list", *form)
    assert shown == check("show", two[0].id, *form[:2])
    assert CANARY in shown
    assert (CANARY in listed) == ("--with-code" in form)


@pytest.mark.usefixtures("there")
def test_prompts_are_named_as_the_service_names_them(check, recorded, sqlite_url):

    async def explain():
        async with open_core(Settings.model_validate({"storage": {"database_url": sqlite_url}})) as core:
            chosen = await core.prompts.choose("explain-code")
            return {"prompt_id": chosen.prompt.id, "version_id": chosen.version.id}

    recorded(done(**asyncio.run(explain())), done())
    assert [line.split()[1] for line in check("list", "--remote").splitlines()] == ["prompt", "-", "explain-code"]
    assert len(ids(check, "--prompt", "explain-code")) == 1


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize(
    "filters",
    [
        ["--task", "fix"],
        ["--model", "qwen"],
        ["--failed"],
        ["--text", "needle*"],
        ["--text", '"needlework & cross+stitch?"'],
        ["--workspace", "/srv/app"],
        ["--since", "3h", "--until", "1h"],
    ],
)
def test_every_filter_chooses_there_too(check, recorded, filters):
    other = {"task": Task.FIX, "model_used": "qwen", "workspace": "/srv/app"}
    failed = {"success": False, "error_kind": ErrorKind.TIMEOUT, "output_data": "needlework & cross+stitch?"}
    earlier = dt.datetime.now(dt.UTC) - dt.timedelta(hours=2)
    wanted, _ = recorded(done(**other, **failed, executed_at=earlier), done())
    assert ids(check, *filters) == [str(wanted.id)]


@pytest.mark.usefixtures("there")
def test_pages_are_followed_as_far_as_is_asked_for(check, recorded):
    newest = dt.datetime.now(dt.UTC)
    executions = recorded(*(done(executed_at=newest - dt.timedelta(seconds=number)) for number in range(205)))
    expected = [str(each.id) for each in executions]
    assert ids(check, "--limit", 1000) == expected
    assert ids(check, "--limit", 203) == expected[:203]
    assert ids(check, "--limit", 2, "--before", expected[201]) == expected[202:204]
    check("list", "--remote", "--limit", 3, says=f"older ones: --before {expected[2]}")


def test_one_sees_one_s_own_and_an_administrator_everybody_s(check, recorded, there):
    one, other = recorded(done(), done(user_id="bob"))
    assert ids(check) == [str(one.id)]
    check("list", "--remote", "--user", "bob", says="others' are for a key of scope admin only")
    check("show", "--remote", other.id, code=2, says=f"nothing of yours is kept of an execution {other.id}")
    there("chief")
    assert ids(check) == [str(other.id), str(one.id)]
    assert ids(check, "--user", "bob") == [str(other.id)]


@pytest.mark.parametrize(("who", "erased"), [("ada", False), ("chief", True)])
def test_what_is_deleted_is_gone_there(check, recorded, there, who, erased):
    there(who)
    one, two, kept = recorded(done(), done(), done())
    check("delete", "--remote", one.id, code=2, says="1 execution would be deleted: say --yes")
    gone = json.loads(check("delete", "--remote", one.id, two.id, one.id, "--yes", "--format", "json"))
    assert gone == {"executions": 2, "erased": erased}
    assert ids(check) == [str(kept.id)]
    check("delete", "--remote", new_id(), "--yes", says="0 executions deleted")
    said = "erased within the hour" if not erased else "1 execution deleted"
    check("delete", "--remote", kept.id, "--yes", says=said)


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize("chosen", [["--all"], ["--user", "ada"], ["--until", "90d"]])
def test_deleting_there_by_anything_but_ids_is_refused(check, recorded, chosen):
    (one,) = recorded(done())
    check("delete", "--remote", *chosen, "--yes", code=2, says="a service deletes by id")
    assert ids(check) == [str(one.id)]


@pytest.mark.usefixtures("there")
def test_who_looks_here_is_told_where_the_rest_is(check, recorded):
    (one,) = recorded(done())
    assert check("list", says="are listed with --remote") == ""
    check("show", one.id, code=2, says="add --remote")
    check("delete", one.id, "--yes", says="are deleted with --remote")
    check("export", says="are not among them")
    check("stats", says="are not among them")
    check("rate", one.id, "--rating", 4, says=f"noted for execution {one.id}")
    assert json.loads(check("show", "--remote", one.id, "--format", "json"))["user_feedback"] == 4


def test_what_cannot_be_asked_is_said_with_what_to_do(check, there, ask_as):
    for arguments in (["list"], ["show", new_id()], ["delete", new_id(), "--yes"]):
        there("ctk_nobody_s")
        check(*arguments, "--remote", code=2, says="401")
        check(*arguments, "--remote", code=2, says="codetune keys set remote")
        ask_as("http://127.0.0.1:9", "")
        check(*arguments, "--remote", code=2, says="127.0.0.1:9")
        ask_as("", "")
        check(*arguments, "--remote", code=2, says="Set remote.base_url")
    there("ada")
    check("list", "--remote", "--prompt", "no-such", code=2, says="there is no prompt 'no-such'")
    check("list", "--remote", "--text", "x" * 2001, code=2, says="--text: ")


async def test_a_service_of_another_time_is_told_from_one_that_lost_something(tmp_path):
    async with serving(Peer({"/api/execution/history": told({"items": [{"id": "x"}], "next": ""})})) as peer:
        settings = Settings.model_validate({"remote": {"base_url": peer.origin}})
        async with opened(settings, remote=True) as place:
            with pytest.raises(EngineLost, match=r"cannot read .*upgrade"):
                await place.page({**NO_FILTER, "failed": False, "text": ""}, None, 5, content=False)


async def test_a_space_that_sleeps_is_woken_and_waited_for(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("codetune_core.execution.remote.space._POLL_SECONDS", 0.01)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    asleep = page("<h1>Preparing Space</h1>", 503)
    routes = {
        "/api/execution/history": in_turn(asleep, told({"items": [], "next": ""})),
        "/healthz": in_turn(asleep, told({"status": "ok"})),
    }
    async with hub_here(monkeypatch) as hub, serving(Peer(routes)) as peer:
        hub.spaces["team/codetune"] = HubSpace(private=True, stages=["SLEEPING", "RUNNING"])
        remote = {"base_url": peer.origin, "space": "team/codetune"}
        async with opened(Settings.model_validate({"remote": remote}), remote=True) as place:
            assert await place.page({**NO_FILTER, "failed": False, "text": ""}, None, 5, content=False) == []
    assert "the Space team/codetune sleeps, and wakes up now" in capsys.readouterr().err


async def test_no_secret_and_no_folder_leaves_in_a_question(sqlite_url, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    allowed = {"allowed_hosts": [HOST]}
    async with running(settings_for(tmp_path, sqlite_url, serve=allowed)) as service, on_tcp(service) as client:
        _, made = await service.core.keys.create("ada", USER, expires="1d")
        monkeypatch.setenv("CODETUNE_REMOTE_KEY", made.text.get_secret_value())
        async with wire(client._base_url.port, tmp_path) as line:
            settings = Settings.model_validate({"remote": {"base_url": f"https://{HOST}", **line.settings}})
            placeholder = next(iter(await _replaced(Gate(settings.outbound))))
            wanted = ended(output_data=f"the key {placeholder}", workspace="shop")
            await service.core.history.end(wanted)
            await service.core.history.end(ended(output_data="the key of others", workspace="shop"))
            async with opened(settings, remote=True) as place:
                asked = {**NO_FILTER, "failed": False, "text": f"key {SECRET}", "workspace": tmp_path / "shop"}
                found = await place.page(asked, None, 5, content=True)
            entries = Gate(settings.outbound).ledger.newest()
    assert SECRET.encode() not in line.bytes
    assert str(tmp_path).encode() not in line.bytes
    assert [each.id for each in found] == [wanted.id]
    assert {entry.purpose for entry in entries} == {"history"}


async def _replaced(gate):
    """Placeholders of the secret."""
    passage = gate.passage(Origin())
    await passage.prepare("https://nowhere", json.dumps({"text": f"key {SECRET}"}).encode())
    return passage.replaced
