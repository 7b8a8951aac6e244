import pytest

from gateway_lib.benchmark.plan.changes import changed
from gateway_lib.benchmark.plan.spec import SPECS, load_spec, spec_of
from gateway_lib.errors import SpecError

LOAD = {"kind": "poisson", "rate_rps": 5, "seconds": 2}


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_specs_that_come_along_can_be_measured(path):
    spec = load_spec(path.stem)
    assert spec_of(spec.model_dump(mode="json")) == spec
    assert spec.prompts.load(spec.seed)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"models": []}, "models: "),
        ({"models": ["a", "a"]}, "one occurs twice"),
        ({"load": {"kind": "poisson", "rate_rps": 5}}, "either seconds or requests"),
        ({"load": {**LOAD, "requests": 3}}, "either seconds or requests"),
        ({"load": {"kind": "square"}}, "load.0: "),
        ({"load": []}, "load: "),
        ({"prompts": {}}, "one of questions, jsonl and words"),
        ({"prompts": {"words": [9, 3]}}, "lowest first"),
        ({"turns": 3}, "only with history"),
        ({"turns": 3, "history": True}, "closed loop"),
        ({"history": True, "target": "provider"}, "a provider keeps none"),
        (
            {"load": {"kind": "closed", "users": 2, "requests": 9}, "shards": 3},
            "3 processes for 2 users",
        ),
        ({"slo": {}}, "at least one of"),
        ({"nonsense": 1}, "nonsense: "),
    ],
)
def test_a_mistake_is_named(wrong, told):
    with pytest.raises(SpecError, match=r"^spec: ") as raised:
        spec_of({"models": ["m"], "load": LOAD, **wrong})
    assert told in str(raised.value) and "\n" not in str(raised.value)


def test_files_that_are_no_specs(tmp_path):
    with pytest.raises(SpecError, match=r"nothing\.yaml: No such file.*capacity, chat, quick"):
        load_spec("nothing")
    path = tmp_path / "broken.yaml"
    path.write_text("models: [")
    with pytest.raises(SpecError, match=r"broken\.yaml"):
        load_spec(path)
    path.write_text("just words")
    with pytest.raises(SpecError, match=r"broken\.yaml"):
        load_spec(path)


def test_fields_change_by_their_names():
    spec = spec_of({"models": ["m"], "load": [LOAD, {**LOAD, "seconds": 4}]})
    new = changed(spec, ["models=a, b", "load.rate_rps=8", "load.requests=9", "slo.ttft_ms=300"])
    assert new.models == ("a", "b")
    assert [(load.rate_rps, load.count) for load in new.load] == [(8, 9), (8, 9)]
    assert new.slo and new.slo.ttft_ms == 300
    for change, told in (
        ("models", "name=value"),
        ("=3", "name=value"),
        ("seed.x=1", "no field has fields"),
        ("load.rate_rps=-1", "load.0.poisson.rate_rps"),
    ):
        with pytest.raises(SpecError, match=told):
            changed(spec, [change])
