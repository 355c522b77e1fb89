"""The history of executions over HTTP: one's own, or everybody's for an administrator."""

import asyncio
import datetime as dt
import getpass
from dataclasses import replace
from uuid import uuid4

import pytest
from api_client import Api, people
from executions import NOW, ended
from serving import on_socket, running, settings_for

from codetune_core.domain.execution import ErrorKind, Task
from codetune_core.domain.identifiers import new_id
from codetune_core.domain.prompt import PromptDraft, Wording
from codetune_core.domain.service_key import Scope
from codetune_core.service_sections import RemoteSettings

LIST, FEEDBACK = "GET /api/execution/history", "POST /api/execution/feedback"
CODE = "def pay(amount):\n    return amount"


async def record(service, **changes):
    execution = ended(**{"id": new_id(), **changes})
    await service.core.history.end(execution)
    return execution


def ids(items):
    return [item["id"] for item in items]


def at(execution):
    return f"/api/execution/history/{execution.id}"


@pytest.fixture
async def known(service):
    """Two users and who administers the service."""
    user = (Scope.READ, Scope.EXECUTE)
    async with people(service, ada=user, bob=user, chief=(Scope.ADMIN,), reader=(Scope.READ,)) as found:
        yield found


async def test_an_execution_is_listed_without_its_content_and_shown_with_it(known, service):
    one = await record(service)
    (listed,) = (await known["ada"].check(LIST))["items"]
    shown = await known["ada"].check(f"GET {at(one)}")
    content = {"input_data", "rendered_prompt", "output_data"}
    assert {name for name in shown if shown[name] != listed[name]} == content
    assert (shown["output_data"], shown["input_data"]["code"]) == ("It returns the amount.", CODE)
    assert (shown["executed_at"], shown["estimated_cost_usd"]) == ("2026-03-04T12:00:00Z", "0.004000000")
    assert (shown["execution_time_ms"], shown["tokens_used"]) == (12.5, 36)
    assert await known["ada"].check(LIST, content=True) == {"items": [shown], "next": ""}


async def test_others_executions_are_as_unknown_as_ones_that_never_were(known, service):
    one, ada, bob = await record(service), known["ada"], known["bob"]
    never = f"/api/execution/history/{uuid4()}"
    body = {"execution_id": str(one.id), "rating": 1}
    for asked, sent in [(f"GET {at(one)}", None), (f"DELETE {at(one)}", None), (FEEDBACK, body)]:
        problem = await bob.check(asked, 404, sent)
        other = await bob.check(asked.replace(at(one), never), 404, sent and {**sent, "execution_id": str(uuid4())})
        assert {**problem, "instance": "", "detail": ""} == {**other, "instance": "", "detail": ""}
    assert (await bob.check(LIST))["items"] == (await bob.check(LIST, user="ada"))["items"] == []
    assert ids((await ada.check(LIST, user="ada"))["items"]) == [str(one.id)]
    assert (await ada.check(f"GET {at(one)}"))["user_feedback"] is None


async def test_an_administrator_sees_and_deletes_everybody_s_and_rates_their_own_only(known, service):
    one, own, chief = await record(service), await record(service, user_id="chief"), known["chief"]
    assert ids((await chief.check(LIST))["items"]) == [str(own.id), str(one.id)]
    assert ids((await chief.check(LIST, user="ada"))["items"]) == [str(one.id)]
    await chief.check(FEEDBACK, 404, {"execution_id": str(one.id), "rating": 1})
    assert (await chief.check(FEEDBACK, body={"execution_id": str(own.id), "rating": 5}))["user_feedback"] == 5
    await chief.check(f"DELETE {at(one)}")
    await known["ada"].check(f"GET {at(one)}", 404)


async def test_who_may_only_read_deletes_and_rates_nothing(known, service):
    one = await record(service, user_id="reader")
    await known["reader"].check(f"GET {at(one)}")
    await known["reader"].check(f"DELETE {at(one)}", 403)
    await known["reader"].check(FEEDBACK, 403, {"execution_id": str(one.id), "rating": 1})


async def test_every_filter_of_the_list_lets_through_what_it_names(admin, service):
    library, long_ago = service.core.prompts, NOW - dt.timedelta(days=9)
    prompt, first = await library.create(PromptDraft(name="team/mine"), Wording(user_prompt_template="a"), by="ada")
    second = await library.edit("team/mine", Wording(user_prompt_template="b"), by="ada")
    plain = await record(service, executed_at=NOW - dt.timedelta(hours=1))
    of = {"prompt_id": prompt.id}
    one = await record(
        service, **of, version_id=first.id, user_id="bob", task=Task.FIX, workspace="/w", executed_at=long_ago
    )
    other = await record(service, **of, version_id=second.id, model_used="qwen", output_data="zebra crossing")
    failed = replace(plain, id=new_id(), success=False, error_kind=ErrorKind.TIMEOUT, executed_at=NOW)
    await service.core.history.end(failed)
    for query, expected in [
        ({"prompt": "team/mine"}, [other, one]),
        ({"prompt": prompt.id, "version": 2}, [other]),
        ({"task": "fix"}, [one]),
        ({"user": "bob"}, [one]),
        ({"model": "qwen"}, [other]),
        ({"success": True}, [other, plain, one]),
        ({"success": False}, [failed]),
        ({"error_kind": "timeout"}, [failed]),
        ({"since": "2026-03-04T12:00:00Z"}, [failed, other]),
        ({"since": "2026-03-04T14:00:00+02:00", "success": True}, [other]),
        ({"until": "2026-03-04T00:00:00Z"}, [one]),
        ({"text": "zebra"}, [other]),
        ({"text": '"crossing zebra"'}, []),
        ({"workspace": "/w"}, [one]),
        ({"prompt": "team/mine", "text": "zebra", "task": "fix"}, []),
    ]:
        assert ids(await admin.pages(LIST, limit=1, **query)) == [str(each.id) for each in expected], query


QUERIES = [
    {"task": "dance"},
    {"success": "perhaps"},
    {"error_kind": "x"},
    {"since": "yesterday"},
    {"since": "2026-03-04T12:00:00"},
    {"until": "9999-12-31T23:59:59-23:59"},
    {"until": "0001-01-01T00:00:00+23:59"},
    {"version": 1},
    {"prompt": "a\nb"},
    {"user": "x" * 2001},
    {"cursor": "x"},
    {"cursor": "WyIyMDI2LTAzLTA0VDEyOjAwOjAwIiwxXQ"},
    {"unheard": "1"},
]


async def test_what_does_not_fit_is_refused(admin):
    for query in QUERIES:
        await admin.check(LIST, 422, **query)
    await admin.check(LIST, 404, prompt="nobody")
    await admin.check(LIST, 404, prompt="explain-code", version=99)
    for name in ("x", "0", "..%2f", "%00"):
        await admin.check(f"GET /api/execution/history/{name}", 404)


@pytest.mark.parametrize("query", [{}, {"text": "amount"}], ids=["all", "search"])
async def test_what_begins_and_is_deleted_between_pages_neither_hides_nor_repeats_others(database_url, tmp_path, query):
    async with running(settings_for(tmp_path, database_url)) as service, on_socket(service, tmp_path / "s") as client:
        admin = Api(client)
        # All at one moment, with ids that the clients chose: no id says when it was.
        all_of_them = [await record(service, id=uuid4(), user_id=getpass.getuser()) for _ in range(9)]
        newest_first = [str(each.id) for each in reversed(all_of_them)]
        page = await admin.check(LIST, limit=3, **query)
        assert ids(page["items"]) == newest_first[:3]
        for gone in (newest_first[2], newest_first[4]):  # the last one of the page is gone
            await admin.check(f"DELETE /api/execution/history/{gone}")
        await record(service, executed_at=NOW + dt.timedelta(seconds=1))
        rest = await admin.pages(LIST, limit=2, cursor=page["next"], **query)
        assert ids(rest) == [newest_first[3], *newest_first[5:]]


async def test_feedback_is_recorded_and_what_is_left_out_stays_as_it_was(known, service):
    one, ada = await record(service), known["ada"]
    said = {"execution_id": str(one.id)}
    first = await ada.check(FEEDBACK, body={**said, "rating": 4, "text": "clear"})
    assert (first["user_feedback"], first["outcome"], first["user_feedback_text"]) == (4, None, None)
    await ada.check(FEEDBACK, body={**said, "outcome": "edited"})
    kept = await ada.check(f"GET {at(one)}")
    assert (kept["user_feedback"], kept["outcome"], kept["user_feedback_text"]) == (4, "edited", "clear")


async def test_feedback_that_does_not_fit_is_refused(known, service):
    said = {"execution_id": str((await record(service)).id)}
    for wrong in [{}, {"rating": 0}, {"rating": 6}, {"rating": 4.5}, {"outcome": "liked"}, {"text": "x" * 10_001}]:
        await known["ada"].check(FEEDBACK, 422, {**said, **wrong})
    await known["ada"].check(FEEDBACK, 422, {"execution_id": "x", "rating": 1})


async def execute(admin, code):
    """Run a prompt whose answers are remembered."""
    wording = {"user_prompt_template": "{{ code }}", "variables": [{"name": "code"}], "temperature": 0}
    if not (await admin.check("GET /api/prompts/", tag=["cached"]))["items"]:
        await admin.check("POST /api/prompts/", 201, {"name": "cached", "tags": ["cached"], "wording": wording})
    body = {"task": "explain", "prompt": "cached", "variables": {"code": code}}
    async with admin.client.post("/api/execute", json=body) as answer:
        await answer.read()


async def test_deleting_is_deleting(admin, tmp_path):
    canary = "canary-4711-of-the-code"
    await execute(admin, canary)
    assert (await admin.check("GET /api/cache/stats"))["entries"] == 1
    (one,) = (await admin.check(LIST))["items"]
    assert canary.encode() in _bytes(tmp_path)
    gone = await admin.check(f"DELETE /api/execution/history/{one['id']}")
    assert gone == {"deleted": 1, "erased": True}
    assert canary.encode() not in _bytes(tmp_path)
    await admin.check(f"GET /api/execution/history/{one['id']}", 404)
    await admin.check(f"DELETE /api/execution/history/{one['id']}", 404)
    assert (await admin.check("GET /api/cache/stats"))["entries"] == 0


async def test_one_who_deletes_keeps_nobody_out_and_the_traces_go_with_the_next_upkeep(known, service, tmp_path):
    canary = "canary-4712-of-the-code"
    one = await record(service, input_data={"code": canary})
    assert await known["ada"].check(f"DELETE {at(one)}") == {"deleted": 1, "erased": False}
    await known["chief"].check(f"GET {at(one)}", 404)
    await service.core.history.maintain()
    assert canary.encode() not in _bytes(tmp_path)


def _bytes(folder):
    return b"".join(path.read_bytes() for path in folder.glob("codetune.db*"))


async def test_the_cache_is_counted(admin):
    empty = await admin.check("GET /api/cache/stats")
    assert (empty["enabled"], empty["entries"], empty["hits"], empty["oldest"]) == (True, 0, 0, None)
    assert empty["max_bytes"] == 256_000_000
    for _ in range(2):
        await execute(admin, "1")
    held = await admin.check("GET /api/cache/stats")
    assert (held["entries"], held["bytes"], held["hits"]) == (1, len("it adds"), 1)
    assert held["oldest"].endswith("Z")


async def test_of_two_who_delete_the_same_execution_one_is_told_that_it_is_gone(admin, service):
    one = await record(service)

    async def delete():
        async with admin.client.delete(at(one)) as answer:
            return answer.status

    assert sorted(await asyncio.gather(delete(), delete())) == [200, 404]


async def test_what_another_service_ran_is_rated_there_by_the_owner_of_the_socket_alone(
    service, settings, tmp_path, monkeypatch
):
    one = await record(service, user_id="ada")
    async with people(service, ada=(Scope.READ, Scope.EXECUTE)) as known:
        ada = known["ada"]
        monkeypatch.setenv("TEAM_KEY", next(iter(ada.headers.values())))
        team = {"base_url": str(ada.client._base_url).rstrip("/"), "key_env": "TEAM_KEY"}
        asked = settings.model_copy(update={"remote": RemoteSettings.model_validate(team)})
        async with running(asked) as near, people(near, bob=(Scope.EXECUTE,)) as others:
            async with (
                on_socket(near, tmp_path / "near") as client,
                client.post(
                    "/api/execution/feedback", json={"execution_id": str(one.id), "outcome": "accepted"}
                ) as answer,
            ):
                assert answer.status == 204
            await others["bob"].check(FEEDBACK, 404, {"execution_id": str(one.id), "rating": 1})
        assert (await ada.check(f"GET {at(one)}"))["outcome"] == "accepted"
