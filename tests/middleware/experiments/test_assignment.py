"""Assignment as arithmetic: balanced, sticky, unmoved by a ramp, disjoint and independent by layer."""

from __future__ import annotations

import pytest
from scipy import stats

from middleware.experiments.assignment import Assigner, free_range
from middleware.experiments.definition import Arm

SECRET = b"of the tests"
ARMS = [Arm(name="a", model="m", weight=9), Arm(name="b", model="m"), Arm(name="c", model="m")]


@pytest.fixture(scope="module")
def assigner():
    return Assigner(SECRET)


@pytest.fixture(scope="module")
def units(assigner):
    return [assigner.unit("user", f"user-{number}") for number in range(100_000)]


def test_a_million_units_are_balanced_to_the_weights(assigner):
    counts = dict.fromkeys("abc", 0)
    for number in range(1_000_000):
        unit = assigner.unit("user", f"u{number}")
        counts[assigner.arm(ARMS, "experiment", 1, unit).name] += 1
    expected = [1_000_000 * weight / 11 for weight in (9, 1, 1)]
    assert stats.chisquare(list(counts.values()), expected).pvalue > 1e-4


def test_places_are_uniform(assigner, units):
    places = [assigner.place("default", unit) for unit in units]
    assert min(places) >= 0 and max(places) < 1
    assert stats.kstest(places, "uniform").pvalue > 1e-4


def test_the_same_secret_says_the_same_and_another_does_not(assigner, units):
    again, other = Assigner(SECRET), Assigner(b"another")
    for unit in units[:1000]:
        assert again.arm(ARMS, "e", 1, unit) == assigner.arm(ARMS, "e", 1, unit)
        assert again.place("l", unit) == assigner.place("l", unit)
    assert other.unit("user", "ada") != assigner.unit("user", "ada")


def test_arms_layers_and_versions_are_independent(assigner, units):
    halves = [Arm(name="a", model="m"), Arm(name="b", model="m")]
    seen = [
        [assigner.place("one", unit) < 0.5 for unit in units],
        [assigner.place("two", unit) < 0.5 for unit in units],
        [assigner.arm(halves, "e", 1, unit).name == "a" for unit in units],
        [assigner.arm(halves, "e", 2, unit).name == "a" for unit in units],
        [assigner.arm(halves, "f", 1, unit).name == "a" for unit in units],
    ]
    for left in range(len(seen)):
        for right in range(left):
            table = [[0, 0], [0, 0]]
            for one, other in zip(seen[left], seen[right], strict=True):
                table[one][other] += 1
            assert stats.chi2_contingency(table).pvalue > 1e-4


def test_the_first_gap_with_room_is_taken():
    assert free_range([], 1.0) == 0
    assert free_range([(0.0, 0.3), (0.5, 0.5)], 0.2) == pytest.approx(0.3)
    assert free_range([(0.1, 0.1), (0.3, 0.7)], 0.2) is None
    assert free_range([(0.0, 0.1), (0.1, 0.2)], 0.7) == pytest.approx(0.3)  # 0.1 + 0.2 > 0.3
    assert free_range([(0.0, 1.0)], 0.01) is None
