"""``codetune prompts diff``, ``compare`` and ``experiment``: what changed, and which version is better."""

import datetime as dt

import pytest

from codetune_core.domain.execution import Execution, Feedback, Outcome, Task
from codetune_core.domain.identifiers import new_id

SCRIPT = """
models: [{name: tiny, engine: scripted, context_tokens: 8192}]
rules:
  - {pattern: "Explain this(.|\\\\n)*x = [0-8]\\\\n", answers: ["right"]}
  - {contains: "Explain this", answers: ["wrong"]}
default: {answers: ["wrong"]}
"""


@pytest.fixture
def judged(with_core, mine):
    """Record sessions of a running experiment, so many accepted and rejected for each arm."""

    async def record(core, accepted):
        prompt, [state] = await core.prompts.show(mine), (await core.prompts.states(mine)).values()
        for arm in state.experiment.arms:
            for session in range(60):
                started = Execution(
                    id=new_id(),
                    executed_at=dt.datetime.now(dt.UTC),
                    task=Task.EXPLAIN,
                    prompt_id=prompt.id,
                    version_id=arm.version_id,
                    session_id=f"{arm.name}-{session}",
                    success=True,
                    execution_time_ms=100,
                    outcome=Outcome.ACCEPTED if session % 10 < accepted[arm.name] else Outcome.REJECTED,
                    experiment_id=state.experiment.id,
                    experiment_arm=arm.name,
                )
                await core.history.end(started)

    return lambda **accepted: with_core(lambda core: record(core, accepted))


@pytest.fixture
def recorded(with_core, mine, library):
    """Inputs of ``mine`` in the history, each with an answer that was accepted; and a script that knows version 2."""
    (library / "answers.yaml").write_text(SCRIPT)
    config = library.parent / "home" / "codetune" / "codetune.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f"[engine]\nname = 'scripted'\nscript = '{library / 'answers.yaml'}'\n")

    async def record(core):
        prompt, version = await core.prompts.show(mine), await core.prompts.version(mine, 1)
        for number in range(10):
            done = Execution(
                id=new_id(),
                executed_at=dt.datetime.now(dt.UTC),
                task=Task.EXPLAIN,
                prompt_id=prompt.id,
                version_id=version.id,
                input_data={"code": f"x = {number}\n"},
                output_data="right",
                success=True,
            )
            await core.history.end(done)
            await core.history.rate(done.id, Feedback(outcome=Outcome.ACCEPTED))

    with_core(record)


def test_a_diff_is_of_production_and_the_newest_unless_told(ask, check, mine):
    text = check("diff", mine)
    assert "-  What does this do? Depth {{ depth }}." in text
    assert "+  Explain this. Depth {{ depth }}." in text
    assert check("diff", "mine@1", "mine@2") == text
    content = ask("diff", mine)
    assert content["before"] == {"prompt": mine, "version": 1}
    assert content["after"] == {"prompt": mine, "version": 2}
    assert [change["field"] for change in content["fields"]] == ["user_prompt_template"]
    assert content["unified"] in text


def test_a_diff_may_be_by_field_and_of_two_prompts(ask, check, mine):
    text = check("diff", mine, "explain-code", "--by-field")
    assert text.split("\n")[0].split() == ["field", "change", "before", "after"]
    assert "temperature" in text
    assert ask("diff", mine, "explain-code")["after"]["prompt"] == "explain-code"


def test_equal_versions_have_no_diff(ask, check, mine):
    check("diff", "mine@2", "mine@2", says="mine@2 and mine@2 say the same")
    assert ask("diff", "mine@2", "mine@2")["fields"] == []
    check("diff", "mine@1", "mine@9", code=2, says="it has versions 1 to 2")


def test_an_experiment_is_started_seen_and_stopped(ask, check, mine):
    check("experiment", "start", mine, "1=9", "2=1", "-m", "try", says="split between v1 (9), v2 (1)")
    [seen] = ask("experiment", "status", mine)["experiments"]
    assert [arm["arm"] for arm in seen["arms"]] == ["v1", "v2"]
    assert (seen["decision"]["act"], seen["applied"]) == ("keep running", False)
    check("experiment", "start", mine, "1", "2", code=2, says="an experiment runs")
    check("experiment", "stop", mine, "-m", "enough", says="only version 1 runs under production again")
    check("experiment", "status", says="no experiment runs")
    entries = ask("log", mine)["entries"]
    assert [(entry["action"], entry["reason"]) for entry in entries[:2]] == [
        ("rollback", "enough"),
        ("experiment", "try"),
    ]


@pytest.mark.parametrize(
    ("versions", "says"),
    [
        (["1"], "compare it with at least one other"),
        (["2", "3"], "version 1 stands under 'production'"),
        (["1", "2=none"], "write a version's number"),
        (["1", "2=0"], "greater than 0"),
        (["1", "2=nan"], "greater than 0"),
        (["1", "9"], "it has versions 1 to 2"),
    ],
)
def test_an_experiment_that_compares_nothing_is_refused(check, mine, versions, says):
    check("experiment", "start", mine, *versions, code=2, says=says)


def test_an_arm_may_be_promoted(ask, check, mine):
    check("experiment", "start", mine, "1", "2")
    check("experiment", "promote", mine, "v3", code=2, says="only v1, v2")
    check("experiment", "promote", mine, "v2", says="version 2 now runs under production")
    assert ask("show", mine)["labels"] == {"production": 2}


def test_the_verdict_of_an_experiment_is_a_table_and_words_also_when_it_is_over(ask, check, mine, judged):
    check("experiment", "start", mine, "1", "2")
    judged(v1=1, v2=9)
    text = check("compare", "mine@1", "mine@2", says="v2 is better than v1: accepted 90.0 % against 10.0 %")
    assert text.split("\n")[0].split()[:4] == ["arm", "sessions", "executions", "judged"]
    check("experiment", "stop", mine)
    content = ask("compare", "mine@2", "mine@1")
    assert [each["judgement"] for each in content["comparisons"]] == ["better"]
    assert content["arms"][1]["judged"] == {"sessions": 60, "hits": 54, "rate": 0.9}
    assert content["trusted"] is True


@pytest.mark.parametrize(("accepted", "stands"), [({"v1": 1, "v2": 9}, 2), ({"v1": 9, "v2": 1}, 1)])
def test_an_automatic_experiment_ends_by_itself(ask, run, judged, accepted, stands):
    ask("experiment", "start", "mine", "1", "2", "--automatic")
    judged(**accepted)
    run("prompts", "experiment", "check", "mine")
    content = ask("log", "mine")["entries"][0]
    assert (content["version"], content["experiment"], content["by"]) == (stands, None, "experiment")


def test_without_an_experiment_the_comparison_says_what_to_do(check, mine):
    check("compare", "mine@1", "mine@2", code=2, says="--replay 100")
    check("compare", "mine@1", "explain-code", code=2, says="codetune prompts experiment start")


def test_recorded_inputs_are_replayed_through_both_versions(ask, check, recorded):
    content = ask("compare", "mine@1", "mine@2", "--replay", 10)
    assert content.items() >= {"a": "mine@1", "b": "mine@2", "inputs": 10, "judged": 10}.items()
    assert (content["both"], content["only_a"], content["only_b"]) == (0, 0, 9)
    assert content["verdict"][0].startswith("mine@2 is better than mine@1")
    text = check("compare", "mine@1", "mine@2", "--replay", 3, says="3 of 3 inputs")
    assert text.split("\n")[0].split()[0] == "version"
    second, first = ask("show", "mine")["versions"]
    assert (first["tests"]["executions"], second["tests"]["executions"]) == (13, 13)
    assert first["tests"]["success_rate"] == 0


def test_a_replay_without_an_engine_or_without_kept_inputs_says_so(check, run, mine, library):
    check("compare", "mine@1", "mine@2", "--replay", 5, code=2, says="no engine is set")
    (library / "pyproject.toml").write_text("[tool.codetune.engine]\nname = 'scripted'\nscript = 'answers.yaml'\n")
    run("trust")
    check("compare", "mine@1", "mine@2", "--replay", 5, code=2, says="history.keep")
