"""Sessions and arms."""

from collections import Counter
from uuid import UUID

import pytest
from scipy import stats

from codetune_core.domain.deployment import Arm, Experiment
from codetune_core.prompts.experiments.assign import assign


def experiment(*weights: float, name: str = "greeting-1") -> Experiment:
    arms = [
        Arm(name=chr(ord("A") + i), version_id=UUID(int=i + 1), version_number=i + 1, weight=weight)
        for i, weight in enumerate(weights)
    ]
    return Experiment(id=name, arms=tuple(arms))


def names(of: Experiment, sessions: int = 20_000) -> list[str]:
    return [assign(of, f"session-{i}").name for i in range(sessions)]


@pytest.mark.parametrize("session_id", ["a", "session-17", "ünïcode", "\ud800", " ", "x" * 200])
def test_a_session_stays_in_its_arm(session_id):
    split = experiment(1, 1, 1)

    assert len({assign(split, session_id).name for _ in range(50)}) == 1


@pytest.mark.parametrize(
    "weights", [(1, 1), (0.5, 0.5), (9, 1), (1, 99), (1, 2, 3), (0.1, 0.2, 0.3, 0.4), (1e-3, 1e-3)]
)
def test_sessions_fall_into_arms_in_proportion_to_the_weights(weights):
    split = experiment(*weights)
    counts = Counter(names(split))

    observed = [counts[arm.name] for arm in split.arms]

    expected = [20_000 * weight / sum(weights) for weight in weights]
    assert stats.chisquare(observed, expected).pvalue > 0.001


def test_the_arms_of_two_experiments_are_independent():
    pairs = Counter(zip(names(experiment(1, 1, name="e1")), names(experiment(1, 1, name="e2")), strict=True))

    table = [[pairs["A", "A"], pairs["A", "B"]], [pairs["B", "A"], pairs["B", "B"]]]
    assert stats.chi2_contingency(table).pvalue > 0.001
    assert min(map(min, table)) > 4_500


def test_two_pairs_of_ids_that_make_one_text_are_assigned_independently():
    together = [assign(experiment(1, 1, name="e" + "1" * i), "1" * (60 - i) + "s").name for i in range(60)]

    assert set(together) == {"A", "B"}


def test_scaling_all_weights_moves_nobody():
    assert names(experiment(1, 3), 2_000) == names(experiment(25, 75), 2_000)


def test_an_execution_without_a_session_is_assigned_by_chance():
    split = experiment(1, 3)
    counts = Counter(assign(split, "").name for _ in range(4_000))

    assert stats.binomtest(counts["A"], 4_000, 0.25).pvalue > 1e-9


def test_assignments_never_change_between_releases():
    assert "".join(names(experiment(1, 1), 6)) == "ABBABB"


@pytest.mark.parametrize(
    "arms",
    [
        [("A", 1, 1)],
        [("A", 1, 1), ("A", 2, 1)],
        [("A", 1, 1), ("B", 1, 1)],
        [("A", 1, 1), ("B", 2, 0)],
        [("A", 1, 1), ("B", 2, -1)],
        [("A", 1, 1), ("B", 2, float("inf"))],
        [("A", 1, 1), ("B", 2, float("nan"))],
    ],
)
def test_arms_that_cannot_be_told_apart_or_weighed_are_no_experiment(arms):
    with pytest.raises(ValueError, match=r"arm|greater|finite|least 2"):
        Experiment(
            id="e",
            arms=[{"name": n, "version_id": UUID(int=v), "version_number": v, "weight": w} for n, v, w in arms],
        )


@pytest.mark.parametrize("alpha", [0, 1, -0.1, 2])
def test_alpha_is_a_chance(alpha):
    with pytest.raises(ValueError, match="alpha"):
        Experiment(id="e", arms=experiment(1, 1).arms, alpha=alpha)
