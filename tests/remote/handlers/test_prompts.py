"""The prompt library over HTTP."""

import asyncio
import getpass
from urllib.parse import quote
from uuid import uuid4

import pytest
from api_client import Api, people
from query_plans import plans
from serving import on_socket, running, settings_for

from codetune_core.domain.prompt import PromptDraft, Wording
from codetune_core.domain.service_key import Scope
from codetune_remote.cursors import Cursors

WORDING = {"user_prompt_template": "Explain {{ code }}", "variables": [{"name": "code", "type": "code"}]}


def new(name="mine", **changes):
    return {"name": name, "wording": WORDING, **changes}


def at(name):
    return f"/api/prompts/{quote(name, safe='')}"


def names(items):
    return [item["name"] for item in items]


async def test_a_prompt_is_added_and_runs_in_production_at_once(admin):
    made = await admin.check("POST /api/prompts/", 201, new(tags=["a", "b"], category="testing", notes="because"))
    assert (made["labels"], made["shown"]["number"], made["shown"]["notes"]) == ({"production": 1}, 1, "because")
    assert made["created_by"] == made["shown"]["created_by"] == getpass.getuser()
    assert made["shown"]["labels"] == ["production"]
    assert made["in_production"]
    assert made["created_at"].endswith("Z")
    assert await admin.check(f"GET {at('mine')}") == made
    assert await admin.check(f"GET {at(made['id'])}") == made
    assert await admin.check(f"GET {at(made['id'].upper())}") == made


async def test_a_prompt_can_wait_for_its_deployment(admin):
    made = await admin.check("POST /api/prompts/", 201, new(deploy=False))
    assert (made["labels"], made["in_production"], made["shown"]["number"]) == ({}, False, 1)


async def test_a_name_that_the_domain_allows_can_stand_in_an_address(admin):
    for name in ["team/review", "a b", "a+b", "c++", "ä: wie", "v1.0", "_"]:
        made = await admin.check("POST /api/prompts/", 201, new(name))
        assert (await admin.check(f"GET {at(name)}"))["id"] == made["id"]
        assert (await admin.check(f"POST {at(name)}/deploy", body={"version": 1}))["changed"] is False
        assert await admin.check(f"DELETE {at(name)}") == {"deleted": True, "archived": False}


ODD = ["nobody", str(uuid4()), "%00", "a%00b", "%20", "x" * 201, "%2e%2e%2fx", "%ff", "explain-code%00"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_what_is_no_prompt_is_not_found(admin, method):
    for name in ODD:
        body = {"body": {"name": "x"}} if method == "PUT" else {}
        problem = await admin.check(f"{method} /api/prompts/{name}", 404, **body)
        assert problem["type"] == "/problems/not-found"


async def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(admin):
    assert "did you mean 'explain-code' or" in (await admin.check("GET /api/prompts/explain-cod", 404))["detail"]


UNFIT = [
    ({"name": ""}, "name"),
    ({"name": "x" * 201}, "name"),
    ({"name": "a\nb"}, "name"),
    ({"category": "poetry"}, "category"),
    ({"use_case": "x" * 101}, "use_case"),
    ({"tags": "one"}, "tags"),
    ({"wording": None}, "wording"),
    ({"wording": {"user_prompt_template": ""}}, "wording.user_prompt_template"),
    ({"wording": {**WORDING, "temperature": 3}}, "wording.temperature"),
    ({"wording": {**WORDING, "unheard": 1}}, "wording.unheard"),
    ({"deploy": "perhaps"}, "deploy"),
]


async def test_what_does_not_fit_is_refused_and_said_where(admin):
    for changes, where in UNFIT:
        problem = await admin.check("POST /api/prompts/", 422, new(**changes))
        assert [".".join(map(str, each["loc"])) for each in problem["errors"]] == [where]


UNSTORABLE = [
    {"description": "a\0b"},
    {"tags": ["a\0b"]},
    {"wording": {"user_prompt_template": "a\0b"}},
    {"wording": {"user_prompt_template": "{{ code"}},
    {"wording": {"user_prompt_template": "{{ unknown }}"}},
]


async def test_what_cannot_be_stored_or_rendered_is_refused(admin):
    for changes in UNSTORABLE:
        await admin.check("POST /api/prompts/", 422, new(**changes))
        await admin.check(f"GET {at('mine')}", 404)


async def test_two_active_prompts_have_two_names(admin):
    await admin.check("POST /api/prompts/", 201, new())
    assert (await admin.check("POST /api/prompts/", 409, new()))["type"] == "/problems/name-taken"
    assert (await admin.check(f"PUT {at('explain-code')}", 409, {"name": "mine"}))["type"] == "/problems/name-taken"


async def test_put_replaces_all_that_describes_a_prompt_and_nothing_of_what_it_says(admin):
    made = await admin.check("POST /api/prompts/", 201, new(tags=["a"], description="once", use_case="u"))
    put = await admin.check(f"PUT {at('mine')}", body={"name": "yours", "category": "security"})
    assert (put["id"], put["name"], put["category"]) == (made["id"], "yours", "security")
    assert (put["tags"], put["description"], put["use_case"]) == ([], "", "")
    assert put["shown"] == made["shown"]
    await admin.check(f"GET {at('mine')}", 404)


async def test_put_refuses_a_wording_which_is_for_a_version(admin):
    await admin.check("POST /api/prompts/", 201, new())
    assert "POST to the prompt's versions" in (await admin.check(f"PUT {at('mine')}", 422, new()))["detail"]


async def test_of_two_who_describe_a_prompt_at_once_one_is_told(admin):
    made = await admin.check("POST /api/prompts/", 201, new())
    seen = {"name": "mine", "revision": made["revision"]}
    first = await admin.check(f"PUT {at('mine')}", body={**seen, "description": "first"})
    problem = await admin.check(f"PUT {at('mine')}", 409, {**seen, "description": "second"})
    assert problem["type"] == "/problems/conflict"
    assert (await admin.check(f"GET {at('mine')}"))["description"] == "first"
    await admin.check(f"PUT {at('mine')}", body={**seen, "revision": first["revision"], "description": "second"})


async def test_a_prompt_that_was_executed_is_archived_and_found_by_its_id_beside_another_of_its_name(admin):
    made = await admin.check("POST /api/prompts/", 201, new())
    body = {"task": "explain", "prompt": "mine", "variables": {"code": "1"}}
    async with admin.client.post("/api/execute", json=body) as answer:
        await answer.read()
    assert await admin.check(f"DELETE {at('mine')}") == {"deleted": False, "archived": True}
    assert "archived" in (await admin.check(f"DELETE {at('mine')}", 404))["detail"]
    other = await admin.check("POST /api/prompts/", 201, new())
    assert (await admin.check(f"GET {at('mine')}"))["id"] == other["id"] != made["id"]
    assert (await admin.check(f"GET {at(made['id'])}"))["active"] is False
    assert "archived" in (await admin.check(f"DELETE {at(made['id'])}", 404))["detail"]
    assert "mine" in names((await admin.check("GET /api/prompts/", archived=True))["items"])
    assert names((await admin.check("GET /api/prompts/", archived=True, tag=["starter"]))["items"]) == []


async def test_prompts_are_listed_by_category_and_by_all_of_their_tags(admin):
    for name, category, tags in [("a", "testing", ["x", "y"]), ("b", "testing", ["x"]), ("c", "other", ["x", "y"])]:
        await admin.check("POST /api/prompts/", 201, new(name, category=category, tags=tags, deploy=False))
    asked = {
        "a": {"category": "testing", "tag": ["x", "y"]},
        "ab": {"category": "testing", "tag": ["x"]},
        "abc": {"tag": ["x"]},
    }
    for expected, filters in asked.items():
        assert names(await admin.pages("GET /api/prompts/", limit=1, **filters)) == list(expected)
    assert names((await admin.check("GET /api/prompts/", tag=["x", "nobody has"]))["items"]) == []


async def test_pages_together_are_the_whole_list(admin, service):
    whole = [prompt.name for prompt in await service.core.prompts.list()]
    for limit in (1, 3, len(whole), 200):
        assert names(await admin.pages("GET /api/prompts/", limit=limit)) == whole


async def test_what_is_added_and_deleted_between_pages_neither_hides_nor_repeats_others(database_url, tmp_path):
    async with running(settings_for(tmp_path, database_url)) as service, on_socket(service, tmp_path / "s") as client:
        admin, library = Api(client), service.core.prompts
        for number in range(9):
            await library.create(PromptDraft(name=f"p{number}", tags=("t",)), saying(number), by="ada", deploy=False)
        page = await admin.check("GET /api/prompts/", limit=4, tag=["t"])
        for name in ("p0", "p3", "p4"):  # the last one of the page is gone, and the next
            await library.purge(name)
        for name in ("p00", "p35", "p99"):
            await library.create(PromptDraft(name=name, tags=("t",)), saying(name), by="ada", deploy=False)
        rest = await admin.pages("GET /api/prompts/", limit=2, tag=["t"], cursor=page["next"])
        assert names(page["items"]) == ["p0", "p1", "p2", "p3"]
        assert names(rest) == ["p35", "p5", "p6", "p7", "p8", "p99"]


def saying(what):
    return Wording(user_prompt_template=f"say {what}")


OTHER_CURSORS = [Cursors(list).written(["a", "b"]), Cursors(int).written(7)]


async def test_a_cursor_that_no_list_gave_is_refused(admin):
    for cursor in ["x", "====", "äöü", "bnVsbA", "W10", "e30", "AAAA", *OTHER_CURSORS]:
        assert "cursor" in (await admin.check("GET /api/prompts/", 422, cursor=cursor))["detail"]


async def test_a_query_that_does_not_fit_is_refused(admin):
    for query in [{"limit": 0}, {"limit": 201}, {"limit": "x"}, {"category": "x"}, {"sort": "name"}]:
        await admin.check("GET /api/prompts/", 422, **query)


@pytest.mark.parametrize(("path", "most"), [("/api/prompts/", 1), (at("explain-code"), 6)])
async def test_no_list_asks_the_database_once_for_each_item(admin, service, path, most):
    found = await plans(service.core.database, lambda: admin.check(f"GET {path}"))
    assert len([statement for statement, _ in found if "FROM prompt_" in statement]) <= most


async def test_of_many_who_add_the_same_prompt_one_does(admin):
    async def add():
        async with admin.client.post("/api/prompts/", json=new()) as answer:
            return answer.status

    assert sorted(await asyncio.gather(*(add() for _ in range(6)))) == [201, *[409] * 5]


async def test_who_may_only_read_changes_nothing(service):
    async with people(service, reader=(Scope.READ,), writer=(Scope.PROMPTS_WRITE,)) as known:
        reader, writer = known["reader"], known["writer"]
        made = await writer.check("POST /api/prompts/", 201, new())
        assert made["created_by"] == "writer"
        for asked in ("POST /api/prompts/", f"PUT {at('mine')}", f"DELETE {at('mine')}"):
            await reader.check(asked, 403, new() if asked[0] == "P" else None)
        await writer.check("GET /api/prompts/", 403)
        assert (await reader.check(f"GET {at('mine')}"))["created_by"] == "writer"
