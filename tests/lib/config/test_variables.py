"""One list of variables: what `.env` offers, the configuration names and the deployment passes on."""

from __future__ import annotations

import re

import pytest
import yaml

from gateway_lib.config import CONFIG_DIR, variables

COPILOT = CONFIG_DIR.parent / "copilot"


@pytest.fixture(scope="module")
def sidecar():
    manifest = yaml.safe_load((COPILOT / "gateway" / "manifest.yml").read_text())
    return manifest["sidecars"]["litellm"]


def test_the_deployment_gives_litellm_every_key_that_env_offers(sidecar):
    offered = {one.name for one in (*variables.PROVIDERS, *variables.LANGSMITH)}
    of_providers = {
        name
        for name, value in sidecar["secrets"].items()
        if "ProviderKeys" in str(value.get("from_cfn"))
    }
    assert of_providers == offered


def test_the_environments_secret_has_every_key(sidecar):
    text = (COPILOT / "environments" / "addons" / "secrets.yml").read_text()
    names = set(re.findall(r"\$\{ProviderKeys\}:([A-Z_]+)::", text))
    offered = (*variables.PROVIDERS, *variables.LANGSMITH, *variables.IDENTITY)
    assert names == {one.name for one in offered}


@pytest.mark.parametrize("name", ["default-config.yaml", "aws.yaml"])
def test_litellm_gets_every_variable_that_a_configuration_names(sidecar, name):
    named = set(re.findall(r"^[^#\n]*os\.environ/(\w+)", (CONFIG_DIR / name).read_text(), re.M))
    addons = COPILOT / "gateway" / "addons"
    outputs = {
        re.sub(r"(?<!^)(?=[A-Z])", "_", output).upper()
        for file in addons.glob("*.yml")
        for output in re.findall(
            r"^  (\w+):", file.read_text().partition("\nOutputs:\n")[2], re.MULTILINE
        )
    }
    given = {*sidecar["variables"], *sidecar["secrets"], *outputs}
    assert named <= given
    assert named <= variables.given()
