from collections import Counter

import numpy as np
import pytest

from gateway_lib.benchmark.plan.loads import Burst, Constant, Poisson, Replay
from gateway_lib.benchmark.plan.schedule import plans
from gateway_lib.benchmark.plan.spec import spec_of
from gateway_lib.errors import SpecError

MODELS = ["a", "b", "c"]


def spec(**changes):
    load = {"kind": "poisson", "rate_rps": 50, "requests": 90}
    given = {"models": MODELS, "prompts": {"words": 5, "count": 10}, "load": load, "seed": 3}
    return spec_of({**given, **changes})


def random(seed=1):
    return np.random.default_rng(seed)


def test_poisson_gaps_are_exponential():
    from scipy import stats

    due = Poisson(rate_rps=20, requests=4000).due(random())
    gaps = np.diff(due, prepend=0)
    assert stats.kstest(gaps, stats.expon(scale=1 / 20).cdf).pvalue > 0.01
    assert len(due) == 4000


def test_constant_and_burst_are_even():
    assert list(Constant(rate_rps=4, seconds=1).due(random())) == [0, 0.25, 0.5, 0.75]
    due = Burst(rate_rps=10, requests=7, size=3).due(random())
    assert list(due) == pytest.approx([0, 0, 0, 0.3, 0.3, 0.3, 0.6])


def test_a_schedule_is_replayed_from_its_first_arrival(tmp_path):
    path = tmp_path / "arrivals.txt"
    path.write_text("1700000005.5\n1700000003\n1700000004\n")
    load = Replay(schedule=path, speed=2)
    assert list(load.due(random())) == [0, 0.5, 1.25]
    assert (load.count, load.rate_rps) == (3, pytest.approx(1.6))
    path.write_text("1\nsoon\n")
    with pytest.raises(SpecError, match="soon"):
        load.due(random())
    path.write_text("")
    with pytest.raises(SpecError, match="one number"):
        load.due(random())
    with pytest.raises(SpecError, match="No such file"):
        Replay(schedule=tmp_path / "none").due(random())


def test_models_alternate_at_random_and_get_the_same_prompts():
    [plan] = plans(spec())
    asked = Counter((p.model, p.prompt.id) for p in plan.requests)
    assert set(asked.values()) == {3} and len(asked) == 30
    blocks = [plan.requests[at : at + 3] for at in range(0, 90, 3)]
    assert all({p.model for p in block} == set(MODELS) for block in blocks)
    assert all(len({p.prompt.id for p in block}) == 1 for block in blocks)
    assert len({tuple(p.model for p in block) for block in blocks}) == 6
    assert sorted(p.repeat for p in plan.requests) == sorted([0, 1, 2] * 30)


def test_the_seed_decides_everything_and_stages_differ():
    load = [{"kind": "poisson", "rate_rps": 5, "requests": 30}] * 2
    first, second = plans(spec(load=load))
    assert plans(spec(load=load)) == [first, second]
    assert plans(spec(load=load, seed=4))[0].requests != first.requests
    assert [p.due_s for p in first.requests] != [p.due_s for p in second.requests]
    assert [p.request for p in second.requests] == list(range(30, 60))


@pytest.mark.parametrize("shards", [2, 3, 7])
def test_shards_are_one_schedule_divided(shards):
    load = [
        {"kind": "poisson", "rate_rps": 50, "requests": 40},
        {"kind": "closed", "users": 7, "requests": 21, "think_s": 1},
    ]
    whole = plans(spec(load=load, settle=4))
    parts = [plans(spec(load=load, settle=4, shards=shards), shard) for shard in range(shards)]
    for stage in (0, 1):
        together = [p for part in parts for p in part[stage].requests]
        assert sorted(together, key=lambda p: p.request) == list(whole[stage].requests)
    users = sorted(user for part in parts for user in part[1].users)
    assert users == list(whole[1].users) == list(range(7))
    assert sum(part[0].recorded for part in parts) == 36


def test_users_think_apart():
    plan = plans(spec(load={"kind": "closed", "users": 2, "requests": 9, "think_s": 2}))[0]
    thoughts = [[next(thinking) for _ in range(500)] for thinking in map(plan.thinking, (0, 1))]
    assert thoughts[0] != thoughts[1]
    assert np.mean(thoughts) == pytest.approx(2, rel=0.1)


def test_synthetic_prompts_have_their_length_and_begin_differently():
    prompts = spec(prompts={"words": [3, 9], "count": 200}).prompts.load(1)
    lengths = {len(p.text.split()) - 1 for p in prompts}
    assert lengths == set(range(3, 10))
    assert len({p.text.split()[0] for p in prompts}) == 200


def test_questions_are_drawn_by_seed():
    wanted = spec(prompts={"questions": "general", "n": 10})
    ids = [p.id for p in wanted.prompts.load(1)]
    assert ids == [p.id for p in wanted.prompts.load(1)] != [p.id for p in wanted.prompts.load(2)]
    assert all(p.text.endswith("sentence.") and p.category for p in wanted.prompts.load(1))


def test_prompts_of_a_file(tmp_path):
    path = tmp_path / "prompts.jsonl"
    path.write_text(
        '{"text": "one", "id": "x", "system": "be brief", "max_tokens": 9}\n\n{"text": "two"}\n'
    )
    x, line = spec(prompts={"jsonl": path}).prompts.load(1)
    assert (x.id, x.system, x.max_tokens) == ("x", "be brief", 9)
    assert (line.id, line.text) == ("line-0003", "two")
    for text, told in (
        ("{", "line 1"),
        ('{"text": "a", "nonsense": 1}', "line 1"),
        ('{"text": "a", "id": "x"}\n{"text": "b", "id": "x"}', "occurs twice"),
        ("", "no prompt"),
    ):
        path.write_text(text)
        with pytest.raises(SpecError, match=told):
            spec(prompts={"jsonl": path}).prompts.load(1)
