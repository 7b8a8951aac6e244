"""What `bench.gateway` compares: LiteLLM with none of what is set for speed, and with all of it."""

from __future__ import annotations

from pathlib import Path

from bench.gateway import page
from bench.gateway.settings import DEFAULT, DEPLOYED, TRIED
from bench.gateway.variants import VARIABLES
from gateway_lib import config

COMMAND = ["litellm", "--config=stack.yaml", "--port=1", "--log_config=logging.yaml"]
VARIABLES_OF_THE_STACK = {**dict.fromkeys(VARIABLES, "1"), "REDIS_HOST": "here"}


def test_the_defaults_are_without_what_is_set_for_speed():
    assert DEFAULT.environment(VARIABLES_OF_THE_STACK) == {"REDIS_HOST": "here"}
    assert DEFAULT.command(COMMAND, Path("own.yaml")) == [
        "litellm",
        "--port=1",
        "--config=own.yaml",
    ]


def test_what_is_deployed_has_all_of_it_and_not_what_only_the_local_stack_has(repository):
    image = (repository / "docker" / "litellm.Dockerfile").read_text()
    kept = DEPLOYED.environment(VARIABLES_OF_THE_STACK).keys() & VARIABLES
    assert kept == {name for name in VARIABLES if f"{name}=" in image}
    assert "--log_config=logging.yaml" in DEPLOYED.command(COMMAND, Path("own.yaml"))
    stack = config.load_local()
    general = DEPLOYED.configuration(stack)["general_settings"]
    assert general == config.load("aws", {})["general_settings"]
    assert general != stack["general_settings"]


def test_a_variant_changes_one_thing_of_the_defaults():
    stack = config.load_local()
    plain = DEFAULT.configuration(stack)
    for variant in TRIED:
        changed = (
            variant.configuration(stack) != plain,
            variant.environment({}) != {},
            variant.command(COMMAND, Path("x")) != DEFAULT.command(COMMAND, Path("x")),
        )
        assert any(changed), variant.name


def test_a_goal_that_is_missed_is_called_missed(tmp_path, monkeypatch):
    row = {
        "ratio": 0.9,
        "ratios": [0.85, 0.95],
        "requests": 450,
        "at": "2026-11-30T12:00",
        "load": 1,
    }
    kept = {DEPLOYED.name: row, "off": {**row, "ratio": 0.02}, "always": {**row, "ratio": 0.2}}
    written = tmp_path / "speed.md"
    written.write_text(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n")
    monkeypatch.setattr(page, "PAGE", written)
    page.write(kept)
    text = written.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text
    assert f"| {DEPLOYED.name} | 0.90 | 0.85 to 0.95 | goal 0.67 missed |" in text
    assert "| 2.0 % |" in text and "at most 3 %: met" in text and "at most 10 %: missed" in text
