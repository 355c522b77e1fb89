"""Deploying and rolling back over HTTP."""

import asyncio
import getpass

from api_client import Api, people
from serving import on_socket, running, settings_for

from codetune_core.domain.prompt import PromptDraft, Wording
from codetune_core.domain.service_key import Scope

DEPLOY, ROLLBACK = "POST /api/prompts/mine/deploy", "POST /api/prompts/mine/rollback"


async def add(service, versions=3):
    """A prompt with so many versions, of which the first runs in production."""
    library = service.core.prompts
    await library.create(PromptDraft(name="mine"), Wording(user_prompt_template="say 1"), by="ada")
    for number in range(2, versions + 1):
        await library.edit("mine", Wording(user_prompt_template=f"say {number}"), by="ada")


async def standing(admin, label="production"):
    return (await admin.check("GET /api/prompts/mine"))["labels"].get(label)


async def test_a_version_is_deployed_and_rolled_back_under_the_name_of_who_does_it(admin, service):
    await add(service)
    done = await admin.check(DEPLOY, body={"version": 2, "reason": "better"})
    assert (done["prompt"], done["changed"], done["entry"]["version"]) == ("mine", True, 2)
    assert (done["entry"]["by"], done["entry"]["reason"]) == (getpass.getuser(), "better")
    assert await standing(admin) == 2
    again = await admin.check(DEPLOY, body={"version": 2})
    assert (again["changed"], again["entry"]) == (False, done["entry"])
    back = await admin.check(ROLLBACK, body={"reason": "worse"})
    assert (back["entry"]["action"], back["entry"]["version"], await standing(admin)) == ("rollback", 1, 1)
    assert "before version 1" in (await admin.check(ROLLBACK, 422, {}))["detail"]


async def test_labels_stand_apart_and_a_rollback_can_name_its_version(admin, service):
    await add(service)
    for number in (1, 2, 3):
        await admin.check(DEPLOY, body={"version": number, "label": "team/staging"})
    back = await admin.check(ROLLBACK, body={"version": 1, "label": "team/staging"})
    assert back["entry"]["label"] == "team/staging"
    assert (await standing(admin), await standing(admin, "team/staging")) == (1, 1)
    await admin.check(ROLLBACK, 422, {"version": 3, "label": "team/staging"})
    await admin.check(ROLLBACK, 404, {"label": "unheard"})


async def test_an_act_that_knows_another_state_of_the_ledger_changes_nothing(database_url, tmp_path):
    async with running(settings_for(tmp_path, database_url)) as service, on_socket(service, tmp_path / "s") as client:
        admin = Api(client)
        await add(service)
        seen = (await admin.check(DEPLOY, body={"version": 1}))["entry"]["sequence"]
        acts = [(DEPLOY, {"version": number, "after": seen}) for number in (2, 3)]
        acts += [(DEPLOY, {"version": 2, "after": seen}), (DEPLOY, {"version": 3, "after": seen})]

        async def act(asked, body):
            async with client.post(asked.partition(" ")[2], json=body) as answer:
                return answer.status, (await answer.json())

        found = await asyncio.gather(*(act(*each) for each in acts))
        assert sorted(status for status, _ in found) == [200, 409, 409, 409]
        assert {body["type"] for status, body in found if status == 409} == {"/problems/ledger-moved"}
        assert (await admin.check(ROLLBACK, 409, {"after": seen}))["type"] == "/problems/ledger-moved"
        done = next(body for status, body in found if status == 200)
        assert await standing(admin) == done["entry"]["version"]
        await admin.check(ROLLBACK, body={"after": done["entry"]["sequence"]})
        await admin.check(DEPLOY, 409, {"version": 2, "label": "new", "after": 7})
        await admin.check(DEPLOY, body={"version": 2, "label": "new", "after": 0})


async def test_many_who_deploy_at_once_all_get_what_they_want_one_after_the_other(admin, service):
    await add(service, 5)
    done = await asyncio.gather(*(admin.check(DEPLOY, body={"version": number}) for number in range(1, 6)))
    entries = await service.core.prompts.ledger("mine")
    last = max(done, key=lambda each: each["entry"]["sequence"])["entry"]
    assert (entries[-1].sequence, await standing(admin)) == (last["sequence"], last["version"])


BODIES = [
    {},
    {"version": 0},
    {"version": "one"},
    {"version": 2**31},
    {"version": 1, "label": ""},
    {"version": 1, "label": "a b"},
    {"version": 1, "label": "a\0"},
    {"version": 1, "label": "x" * 101},
    {"version": 1, "after": -1},
    {"version": 1, "reason": "x" * 10_001},
]


async def test_what_does_not_fit_is_refused(admin, service):
    await add(service, 1)
    for body in BODIES:
        await admin.check(DEPLOY, 422, body)
    await admin.check(DEPLOY, 404, {"version": 2})


async def test_a_key_that_may_execute_deploys_nothing(service):
    await add(service)
    async with people(service, runner=(Scope.EXECUTE, Scope.READ)) as known:
        await known["runner"].check(DEPLOY, 403, {"version": 2})
        await known["runner"].check(ROLLBACK, 403, {})
