"""Comparisons, verdicts in words, and what they say to do."""

from decimal import Decimal
from uuid import UUID

import numpy as np
import pytest

from codetune_core.domain.deployment import Arm, Experiment
from codetune_core.prompts.experiments.compare import Judgement, compare, more_than_half
from codetune_core.prompts.experiments.confidence_sequence import NONE, Counts
from codetune_core.prompts.experiments.controller import Act, decide
from codetune_core.prompts.experiments.protocol import ArmResults
from codetune_core.prompts.experiments.verdict import HEADER, table, words


def arm(name: str, judged: Counts = NONE, ended: Counts | None = None, timed: Counts = NONE, **other) -> ArmResults:
    """Results of an arm whose sessions fill whole blocks."""
    ended = ended or Counts(judged.units, 0)
    values = {"sessions": max(judged.units, ended.units), "executions": max(judged.units, ended.units)} | other
    return ArmResults(name, judged=judged, judged_blocks=judged, ended=ended, ended_blocks=ended, timed=timed, **values)


def check(*arms: ArmResults, **rules):
    """What is said of arms of equal weight, and what is to be done."""
    split = [Arm(name=a.arm, version_id=UUID(int=n), version_number=n, weight=1) for n, a in enumerate(arms, 1)]
    verdict = compare(Experiment(id="e", arms=tuple(split), **rules), arms)
    return verdict, words(verdict), decide(verdict)


def test_a_better_arm_is_said_with_its_rates_and_bounds_and_promoted():
    verdict, said, decision = check(arm("v1", Counts(800, 241)), arm("v2", Counts(800, 330)))

    assert verdict.comparisons[0].judgement is Judgement.BETTER
    rates = "accepted 41.2 % against 30.1 %"
    assert said == [f"v2 is better than v1: {rates} (difference between +1.9 and +20.3 points, 95 % always valid)."]
    assert (decision.act, decision.arm, decision.why) == (Act.PROMOTE, "v2", said[0])


def test_a_worse_arm_is_rolled_back():
    verdict, said, decision = check(arm("v1", Counts(800, 330)), arm("v2", Counts(800, 241)))

    assert verdict.comparisons[0].judgement is Judgement.WORSE
    assert said[0].startswith("v2 is worse than v1: accepted 30.1 % against 41.2 % (difference between -20.3 and -1.9")
    assert (decision.act, decision.arm) == (Act.ROLL_BACK, "v2")


def test_what_is_not_known_yet_says_how_many_more_sessions_it_takes():
    verdict, said, decision = check(arm("v1", Counts(200, 60)), arm("v2", Counts(200, 70)))

    assert verdict.comparisons[0].judgement is Judgement.OPEN
    assert said[0].startswith("No difference between v2 and v1 can be said yet: accepted 35.0 % against 30.0 % (")
    assert said[0].endswith("more judged sessions are needed to see 5 points.")
    assert decision.act is Act.KEEP


@pytest.mark.parametrize("units", [0, 100, 1_000])
def test_the_sessions_said_to_be_needed_suffice_and_not_many_fewer_do(units):
    verdict, _, _ = check(arm("v1", Counts(units, units * 3 // 10)), arm("v2", Counts(units, units * 3 // 10)))
    each = units + verdict.comparisons[0].sessions_needed // 2
    rate = 0.3 if units else 0.5

    def judgement(n):
        return (
            check(arm("v1", Counts(n, round(n * rate))), arm("v2", Counts(n, round(n * rate))))[0]
            .comparisons[0]
            .judgement
        )

    assert judgement(round(each * 1.02)) is Judgement.SAME
    assert judgement(round(each * 0.95)) is Judgement.OPEN


def test_a_small_difference_after_many_sessions_is_not_promised_to_show():
    _, said, _ = check(arm("v1", Counts(3_500, 1_050)), arm("v2", Counts(3_500, 1_155)))

    assert said[0].endswith("a difference of 5 points would likely have been seen by now.")


def test_arms_that_do_not_differ_end_the_experiment():
    verdict, said, decision = check(arm("v1", Counts(20_000, 6_000)), arm("v2", Counts(20_000, 6_020)))

    assert verdict.comparisons[0].judgement is Judgement.SAME
    assert said[0].startswith("v2 and v1 do not differ by 5 points or more: accepted 30.1 % against 30.0 %")
    assert decision.act is Act.STOP


@pytest.mark.parametrize(
    ("control", "treatment", "missing"),
    [(NONE, NONE, "v2 or v1"), (Counts(5, 1), NONE, "v2"), (NONE, Counts(5, 1), "v1")],
)
def test_without_judged_answers_nothing_is_said(control, treatment, missing):
    _, said, decision = check(arm("v1", control), arm("v2", treatment))

    assert said == [f"Nothing can be said of v2 yet: no answer of {missing} was accepted or rejected."]
    assert decision.act is Act.KEEP


def test_an_arm_that_fails_more_often_is_worse_however_well_its_answers_are_taken():
    control = arm("v1", Counts(800, 241), ended=Counts(800, 8))
    treatment = arm("v2", Counts(800, 330), ended=Counts(800, 120))

    verdict, said, decision = check(control, treatment)

    assert verdict.comparisons[0].judgement is Judgement.WORSE
    assert said == [
        "v2 is worse than v1: failed in 15.0 % of its sessions against 1.0 %, more than the 1 point tolerated."
    ]
    assert decision.act is Act.ROLL_BACK


def test_an_arm_that_fails_a_little_more_often_is_not_worse_for_it():
    failing = [Counts(100_000, 1_000), Counts(100_000, 1_900)]

    verdict, _, _ = check(arm("v1", ended=failing[0]), arm("v2", ended=failing[1]))

    assert verdict.comparisons[0].failures.low > 0
    assert verdict.comparisons[0].judgement is Judgement.OPEN


def test_a_slower_arm_is_worse():
    _, said, decision = check(arm("v1", Counts(100, 30)), arm("v2", Counts(100, 30), timed=Counts(100, 85)))

    assert said == ["v2 is worse than v1: took more than 1.25 times as long in 85.0 % of pairs of sessions."]
    assert decision.act is Act.ROLL_BACK


def test_all_that_is_worse_is_said():
    control = arm("v1", Counts(800, 330), ended=Counts(800, 8))
    treatment = arm("v2", Counts(800, 241), ended=Counts(800, 120), timed=Counts(700, 600))

    _, said, _ = check(control, treatment)

    assert said[0].count(";") == 2


def test_a_broken_split_is_said_first_and_nothing_is_promoted():
    control, treatment = arm("v1", Counts(800, 241), sessions=2_000), arm("v2", Counts(800, 330), sessions=1_000)

    verdict, said, decision = check(control, treatment)

    assert not verdict.trusted
    assert said[0].startswith(
        "Don't trust this experiment: its arms got v1 2,000, v2 1,000 sessions, where v1 1,500, v2 1,500 were due (p = "
    )
    assert said[1].startswith("As counted, and not to be trusted: v2 is better")
    assert decision.act is Act.STOP
    assert decision.why == said[0]


@pytest.mark.parametrize(("executions", "act"), [(49, Act.KEEP), (50, Act.PROMOTE)])
def test_nothing_is_done_before_each_arm_has_its_least_number_of_executions(executions, act):
    control = arm("v1", Counts(800, 241), executions=executions)

    _, _, decision = check(control, arm("v2", Counts(800, 330)))

    assert decision.act is act


def test_of_several_better_arms_the_surest_is_promoted():
    arms = [arm("v1", Counts(2_000, 600)), arm("v2", Counts(2_000, 900)), arm("v3", Counts(2_000, 1_000))]

    assert check(*arms)[2].arm == "v3"


def test_one_worse_arm_ends_the_experiment_of_several():
    arms = [arm("v1", Counts(2_000, 600)), arm("v2", Counts(2_000, 900)), arm("v3", Counts(2_000, 300))]

    decision = check(*arms)[2]

    assert (decision.act, decision.arm) == (Act.ROLL_BACK, "v3")


def test_nobody_is_promoted_while_another_arm_is_in_doubt():
    arms = [arm("v1", Counts(1_000, 300)), arm("v2", Counts(1_000, 450)), arm("v3", Counts(1_000, 330))]

    assert check(*arms)[2].act is Act.KEEP


def test_more_arms_make_every_comparison_stricter():
    arms = [arm("v1", Counts(500, 150)), arm("v2", Counts(500, 200)), arm("v3", Counts(500, 150))]

    alone, among = check(*arms[:2])[0], check(*arms)[0]

    assert among.comparisons[0].acceptance.low < alone.comparisons[0].acceptance.low


def test_the_level_in_words_is_the_experiments():
    assert "99 % always valid" in check(arm("v1", Counts(9, 3)), arm("v2", Counts(9, 3)), alpha=0.01)[1][0]


def test_the_table_shows_each_arm_and_a_dash_for_what_was_not_measured():
    control = arm("v1", Counts(1_200, 361), average_ms=1_234.5, average_rating=4.25, cost_usd=Decimal("1.5"))

    shown = table(check(control, arm("v2"))[0])

    assert len(shown[0]) == len(HEADER)
    assert shown == [
        ("v1", "1,200", "1,200", "1,200", "30.1 %", "0.0 %", "1,234 ms", "4.2", "$1.5000"),
        ("v2", "0", "0", "0", "-", "-", "-", "-", "-"),
    ]


def test_looking_often_at_whether_more_than_half_are_slower_does_not_lie():
    random = np.random.default_rng(4)
    slower = np.cumsum(random.random((300, 400)) < 0.5, axis=1)

    alarms = sum(any(more_than_half(Counts(n, int(run[n - 1])), 0.05) for n in range(1, 401)) for run in slower)

    assert 0 < alarms / 300 <= 0.05


def test_three_ways_to_a_false_alarm_together_are_within_alpha():
    random = np.random.default_rng(6)
    alarms = 0
    for _ in range(30):
        accepted, failed = (
            np.cumsum(random.random((2, 600)) < 0.3, axis=1),
            np.cumsum(random.random((2, 600)) < 0.05, axis=1),
        )
        slower = np.cumsum(random.random(600) < 0.5)
        alarms += any(harm(n, accepted[:, n - 1], failed[:, n - 1], slower[n - 1]) for n in range(100, 601, 100))

    assert alarms <= 4


def harm(n, accepted, failed, slower) -> bool:
    arms = [
        arm(name, Counts(n, int(hits)), Counts(n, int(failures)), timed)
        for name, hits, failures, timed in zip(
            ("v1", "v2"), accepted, failed, (NONE, Counts(n, int(slower))), strict=True
        )
    ]
    return check(*arms)[0].comparisons[0].judgement not in {Judgement.OPEN, Judgement.SAME}
