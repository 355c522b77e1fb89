"""``codetune prompts deploy`` and ``rollback``."""

import pytest


def standing(ask, name="mine"):
    return ask("show", name)["labels"]


def test_deploying_says_what_ran_before_and_runs_from_then_on(ask, check, mine):
    check("deploy", mine, 2, says="mine: version 2 now runs under production (before: version 1)")
    assert standing(ask) == {"production": 2}
    check("deploy", mine, 2, says="already runs under production")


def test_a_label_of_ones_own_stands_beside_production(ask, check, mine):
    check("deploy", mine, 2, "--label", "team-a", says="version 2 now runs under team-a")
    assert standing(ask) == {"production": 1, "team-a": 2}


def test_two_rollbacks_go_back_two(ask, check, mine, prompt):
    check("edit", mine, "--file", prompt("three"))
    for version in (2, 3):
        check("deploy", mine, version)
    check("rollback", mine, says="version 2 now runs under production (before: version 3)")
    check("rollback", mine)
    assert standing(ask) == {"production": 1}
    check("rollback", mine, code=2, says="nothing stood under 'production'")


def test_a_rollback_may_name_the_version(ask, check, mine):
    check("deploy", mine, 2)
    check("rollback", mine, "--to", 2, code=2, says="did not stand")
    check("rollback", mine, "--to", 1)
    assert standing(ask) == {"production": 1}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("deploy", "mine", "9"), "it has versions 1 to 2"),
        (("deploy", "nobody", "1"), "there is no prompt 'nobody'"),
        (("deploy", "mine", "0"), "0 is not in the range"),
        (("deploy", "mine", "two"), "not a valid integer"),
        (("rollback", "mine", "--label", "staging"), "nothing of 'mine' is deployed to 'staging'"),
    ],
)
def test_what_cannot_be_deployed_is_said_and_changes_nothing(ask, check, mine, arguments, says):
    check(*arguments, code=2, says=says)
    assert standing(ask) == {"production": 1}


def test_scripts_learn_what_changed(ask, mine):
    content = ask("deploy", mine, 2, "-m", "why")
    assert content["prompt"] == "mine"
    assert content["changed"] is True
    assert (
        content["entry"].items() >= {"version": 2, "label": "production", "action": "deploy", "reason": "why"}.items()
    )
    assert ask("deploy", mine, 2)["changed"] is False
    assert ask("rollback", mine)["entry"]["action"] == "rollback"
