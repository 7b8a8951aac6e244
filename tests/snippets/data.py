"""What each block that is neither shell nor Python is, and how it is shown to be right."""

# ruff: noqa: E501  -- whole lines of the documentation stand here

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import yaml

from gateway_lib import experiments
from gateway_lib.benchmark.quality.scoring import scorers_of
from gateway_lib.deploy.prices import read_prices
from middleware.identity.policy import Policy

REPOSITORY = Path(__file__).resolve().parents[2]
CONFIGURATIONS = "tests/lib/config/test_documentation.py"


def experiment(text: str, folder: Path) -> None:
    (folder / "cheaper-model.yaml").write_text(text)
    assert experiments.load(folder / "cheaper-model.yaml").routing.arms


def policy(text: str, folder: Path) -> None:
    (folder / "policy.yaml").write_text(text)
    assert Policy.load(folder / "policy.yaml").rules


def prices(text: str, folder: Path) -> None:
    (folder / "prices.yaml").write_text(text)
    assert read_prices(REPOSITORY, folder / "prices.yaml").region == yaml.safe_load(text)["region"]


def scorers(text: str, folder: Path) -> None:
    assert len(scorers_of(yaml.safe_load(text))) == len(text.strip().splitlines())


def budget(text: str, folder: Path) -> None:
    (told,) = json.loads("{" + text + "}")["model_max_budget"].values()
    assert set(told) == {"budget_limit", "time_period", "spent", "reserved", "resets_at"}


def accepted(text: str, folder: Path) -> None:
    (resource,) = yaml.safe_load(text).values()
    for rule, reason in resource["Metadata"]["gateway"]["accept"].items():
        shown(rule)(rule, folder)
        assert reason


def files(text: str, folder: Path) -> None:
    """A tree of files: what stands at its edge is there."""
    for name in re.findall(r"^(\w[\w./-]*/)(?:\s|$)", text, re.M):
        assert (REPOSITORY / name).is_dir(), name
    root, _, rest = text.partition("\n")
    for name in re.findall(r"^  ([\w.][\w./-]*)", rest, re.M):
        assert (REPOSITORY / root.strip() / name).exists(), name


def request(text: str, folder: Path) -> None:
    line, _, body = text.partition("\n")
    assert re.fullmatch(r"(GET|POST|DELETE) /\S+", line) and json.loads(body)


def status(text: str, folder: Path) -> None:
    """A table of the parts, each of which the page on the local stack has."""
    page = (REPOSITORY / "docs/local-stack.md").read_text()
    parts = re.findall(r"^([\w-]+) +ready  ", text, re.M)
    assert parts and all(f"| {part} |" in page for part in parts)


def metrics(text: str, folder: Path) -> None:
    sources = "".join(path.read_text() for path in (REPOSITORY / "middleware").rglob("*.py"))
    for name in re.findall(r"^(\w+?)(?:_total)?\{", text, re.M):
        assert name in sources or name.removeprefix("middleware_") in sources, name


def shown(rule: str) -> Callable[[str, Path], None]:
    """What a command prints: the rule it names is one that is documented."""

    def check(text: str, folder: Path) -> None:
        assert rule in text
        assert f"| `{rule}` |" in (REPOSITORY / "docs/validate.md").read_text()

    return check


CHECKED: dict[tuple[str, str], Callable[[str, Path], None] | str] = {
    ("docs/budgets.md", '"model_max_budget": {"gpt-4o-mini": {"budget_limit": 5.0, "time_period": "28d", "spent": 0.0014, "reserved": 0.0,'): budget,
    ("docs/comparison.md", "- {kind: contains}                          # the question's own answer, as whole words"): scorers,
    ("docs/configuration.md", "extends: default-config.yaml"): CONFIGURATIONS,
    ("docs/deploy.md", "region: eu-west-1"): prices,
    ("docs/deployment-tree.md", "copilot/"): files,
    ("docs/experiments-api.md", "POST /experiments/feedback"): request,
    ("docs/experiments.md", "hypothesis: >-"): experiment,
    ("docs/guardrails.md", 'middleware_guardrail_failed_open_total{guardrail="bedrock-guard"} 3'): metrics,
    ("docs/how-to/add-a-provider.md", "extends: default-config.yaml"): CONFIGURATIONS,
    ("docs/how-to/add-a-provider.md", "- model_name: brand-new"): CONFIGURATIONS,
    ("docs/how-to/guardrails.md", "extends: default-config.yaml"): CONFIGURATIONS,
    ("docs/how-to/guardrails.md", "model_list:"): CONFIGURATIONS,
    ("docs/how-to/model-access.md", "extends: default-config.yaml"): CONFIGURATIONS,
    ("docs/identity.md", "defaults:                    # what a rule's grant has that it does not state itself"): policy,
    ("docs/operations.md", "POST /bedrock/model/"): "tests/middleware/tracing/test_spans.py",
    ("docs/tutorial.md", "component       status  address                        pid"): status,
    ("docs/validate.md", "copilot/gateway/manifest.yml"): shown("key/unknown"),
    ("docs/validate.md", "Reports:"): accepted,
}  # fmt: skip
