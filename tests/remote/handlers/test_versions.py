"""Versions of a prompt over HTTP: adding, listing, comparing."""

import getpass
from dataclasses import replace

import pytest
from api_client import Api, people
from executions import ended
from serving import on_socket, running, settings_for

from codetune_core.domain.execution import Outcome
from codetune_core.domain.identifiers import new_id
from codetune_core.domain.prompt import PromptDraft, Variable, VariableType, Wording
from codetune_core.domain.service_key import Scope
from codetune_core.sections import StorageSettings
from codetune_core.service_sections import RemoteSettings


def saying(what, **fields):
    return Wording(user_prompt_template=f"say {what}", **fields)


async def add(service, *texts, name="mine"):
    """A prompt with a version for each text; none is deployed."""
    library = service.core.prompts
    prompt, _ = await library.create(PromptDraft(name=name), saying(texts[0]), by="ada", deploy=False)
    for text in texts[1:]:
        await library.edit(prompt.id, saying(text), by="ada")
    return prompt


def numbers(items):
    return [item["number"] for item in items]


async def test_a_version_is_added_under_the_name_of_who_adds_it_and_runs_once_it_is_deployed(admin, service):
    await add(service, "a")
    body = {"wording": {"user_prompt_template": "say b"}, "notes": "shorter"}
    made = await admin.check("POST /api/prompts/mine/versions", 201, body)
    assert (made["number"], made["notes"], made["created_by"], made["labels"]) == (2, "shorter", getpass.getuser(), [])
    assert made["wording"]["user_prompt_template"] == "say b"
    assert (await admin.check("GET /api/prompts/mine/versions"))["items"][0] == made


async def test_what_a_version_says_already_is_not_added_again(admin, service):
    await add(service, "a", "b")
    problem = await admin.check("POST /api/prompts/mine/versions", 409, {"wording": {"user_prompt_template": "say a"}})
    assert (problem["type"], problem["number"]) == ("/problems/identical-version", 1)


@pytest.mark.parametrize("path", ["versions", "deploy", "rollback"])
async def test_what_changes_a_prompt_that_is_not_there_is_not_found(admin, path):
    body = {"wording": {"user_prompt_template": "say a"}, "version": 1}
    await admin.check(f"POST /api/prompts/nobody/{path}", 404, body)


async def test_which_version_would_answer_is_told_with_what_it_wants_to_be_given(admin, service):
    library, number = service.core.prompts, Variable(name="depth", type=VariableType.INTEGER, default=2)
    prompt = await add(service, "a")
    await library.edit(prompt.id, saying("{{ depth }}", variables=(number,)), by="ada")
    await library.deploy(prompt.id, 1, by="ada")
    await library.deploy(prompt.id, 2, label="staging", by="ada")
    asked = "GET /api/prompts/mine/choice"
    told = await admin.check(asked, label="staging")
    assert told.items() >= {"prompt": "mine", "category": "other", "version": 2, "experiment_arm": ""}.items()
    assert [(each["name"], each["type"], each["default"]) for each in told["variables"]] == [("depth", "integer", 2)]
    for same in (asked, f"GET /api/prompts/{prompt.id}/choice"):
        assert await admin.check(same, version=2) == told
    assert (await admin.check(asked))["version"] == 1
    await library.start_experiment("mine", {1: 1, 2: 1}, by="ada")
    arms = [await admin.check(asked, session_id=str(each)) for each in range(20)]
    assert {(arm["experiment_arm"], arm["version"]) for arm in arms} == {("v1", 1), ("v2", 2)}
    assert await admin.check(asked, session_id="0") == arms[0]


@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [
        ("nobody/choice", 404, "there is no prompt 'nobody'"),
        ("mine/choice?version=3", 404, "it has versions 1 to 1"),
        ("mine/choice?label=empty", 404, "nothing of 'mine' is deployed to 'empty'"),
        ("mine/choice?label=a%20b", 422, "label"),
        (f"mine/choice?label={'a' * 101}", 422, "label"),
        ("mine/choice?session=1", 422, "session"),
    ],
)
async def test_why_nothing_would_answer_is_said(admin, service, asked, status, says):
    await add(service, "a")
    assert says in str(await admin.check(f"GET /api/prompts/{asked}", status))


async def test_the_owner_of_the_socket_is_told_what_the_service_says_that_runs_their_prompts(
    settings, service, tmp_path, monkeypatch
):
    prompt = await add(service, "a", "b")
    await service.core.prompts.deploy(prompt.id, 2, by="ada")
    asked = "GET /api/prompts/mine/choice"
    async with people(service, ada=(Scope.READ,)) as known:
        monkeypatch.setenv("TEAM_KEY", next(iter(known["ada"].headers.values())))
        team = {"base_url": str(known["ada"].client._base_url).rstrip("/"), "key_env": "TEAM_KEY"}
        storage = StorageSettings(database_url=f"sqlite:///{tmp_path / 'near.db'}")
        near = settings.model_copy(update={"remote": RemoteSettings.model_validate(team), "storage": storage})
        async with running(near) as other, people(other, bob=(Scope.READ,)) as others:
            async with on_socket(other, tmp_path / "near") as client:
                assert (await Api(client).check(asked))["version"] == 2
                await Api(client).check("GET /api/prompts/theirs/choice", 404)
                assert (await Api(client).check("GET /api/prompts/explain-code/choice"))["version"] == 1
            await others["bob"].check(asked, 404)


async def test_versions_come_newest_first_page_by_page_also_while_others_are_added(database_url, tmp_path):
    async with running(settings_for(tmp_path, database_url)) as service, on_socket(service, tmp_path / "s") as client:
        admin, prompt = Api(client), await add(service, *"abcdefg")
        await service.core.prompts.deploy(prompt.id, 3, label="staging", by="ada")
        page = await admin.check("GET /api/prompts/mine/versions", limit=3)
        await service.core.prompts.edit(prompt.id, saying("new"), by="ada")
        rest = await admin.pages("GET /api/prompts/mine/versions", limit=2, cursor=page["next"])
        assert numbers(page["items"]) == [7, 6, 5]
        assert numbers(rest) == [4, 3, 2, 1]
        assert [item["labels"] for item in rest] == [[], ["staging"], [], []]


async def test_two_versions_are_compared_in_what_they_say_and_in_what_came_of_them(database_url, tmp_path):
    async with running(settings_for(tmp_path, database_url)) as service, on_socket(service, tmp_path / "s") as client:
        prompt = await add(service, "a", "b")
        await service.core.prompts.deploy(prompt.id, 1, by="ada")
        new, old = await service.core.prompts.versions(prompt.id)
        for version, ms in [(old, 10.0), (old, 30.0), (new, 5.0)]:
            of = ended(id=new_id(), prompt_id=prompt.id, version_id=version.id, execution_time_ms=ms)
            await service.core.history.end(replace(of, outcome=Outcome.ACCEPTED, user_feedback=4))
        found = await Api(client).check("GET /api/prompts/mine/compare")
        assert found == await Api(client).check(f"GET /api/prompts/{prompt.id}/compare", before=1, after=2)
        assert [(side["prompt"], side["version"]) for side in (found["before"], found["after"])] == [
            ("mine", 1),
            ("mine", 2),
        ]
        assert found["fields"] == [
            {"field": "user_prompt_template", "change": "changed", "before": "say a", "after": "say b"}
        ]
        assert {'-user_prompt_template: "say a"', '+user_prompt_template: "say b"'} <= set(found["unified"].split("\n"))
        figures = found["before"]["figures"]
        assert (figures["executions"], figures["average_ms"], figures["average_rating"]) == (2, 20.0, 4.0)
        assert figures["cost_usd"] == "0.008000000"
        assert found["after"]["figures"]["executions"] == 1
        assert found["experiment"] is None


async def test_versions_of_two_prompts_are_compared(admin, service):
    await add(service, "a", name="one")
    other = await add(service, "a", "b", name="other")
    for meant in ("other", other.id):
        found = await admin.check("GET /api/prompts/one/compare", before=1, after=1, other=meant)
        assert (found["fields"], found["unified"], found["after"]["prompt"]) == ([], "", "other")
        assert found["before"]["figures"] is None


async def test_the_last_experiment_between_two_versions_says_which_is_better(admin, service):
    prompt = await add(service, "a", "b")
    await service.core.prompts.deploy(prompt.id, 1, by="ada")
    entry = await service.core.prompts.start_experiment("mine", {1: 1, 2: 1}, by="ada")
    arms = {arm.name: arm.version_id for arm in entry.experiment.arms}
    for number in range(40):
        for arm, version in arms.items():
            outcome = Outcome.ACCEPTED if arm == "v2" else Outcome.REJECTED
            of = ended(id=new_id(), prompt_id=prompt.id, version_id=version, session_id=f"{arm} {number}")
            await service.core.history.end(
                replace(of, experiment_id=entry.experiment.id, experiment_arm=arm, outcome=outcome)
            )
    found = (await admin.check("GET /api/prompts/mine/compare", before=1, after=2))["experiment"]
    assert found["experiment"] == entry.experiment.id
    assert [arm["judged"] for arm in found["arms"]] == [
        {"sessions": 40, "hits": 0, "rate": 0.0},
        {"sessions": 40, "hits": 40, "rate": 1.0},
    ]
    assert (found["comparisons"][0]["arm"], found["comparisons"][0]["judgement"]) == ("v2", "better")
    assert found["verdict"][0].startswith("v2 is better than v1")
    assert found["comparisons"][0]["acceptance"]["low"] > 0


async def test_what_cannot_be_compared_is_said(admin, service):
    await add(service, "a")
    assert "?before=NUMBER" in (await admin.check("GET /api/prompts/mine/compare", 422))["detail"]
    await admin.check("GET /api/prompts/mine/compare", 404, before=1, after=2)
    await admin.check("GET /api/prompts/mine/compare", 404, before=1, other="nobody")
    for query in ({"before": 0}, {"after": 2**40}, {"label": "no label"}, {"other": " "}):
        await admin.check("GET /api/prompts/mine/compare", 422, **query)
