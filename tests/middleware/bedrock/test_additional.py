from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import middleware.bedrock
from middleware.bedrock import additional
from middleware.bedrock.errors import ValidationException

OWN = (
    "top_k",
    "thinking",
    "reasoning_effort",
    "anthropic_beta",
    "seed",
    "inferenceConfig",
    "min_p",
    "cache",
)


def test_a_models_own_parameters_pass():
    body: dict = {"model": "m"}
    additional.merge(body, {name: 1 for name in OWN})
    assert body == {"model": "m", **dict.fromkeys(OWN, 1)}


@pytest.mark.parametrize(
    "name",
    [
        "api_base",
        "api_key",
        "base_url",
        "model",
        "messages",
        "stream",
        "mock_response",
        "fallbacks",
        "guardrails",
        "metadata",
        "tools",
        "aws_access_key_id",
        "vertex_credentials",
        "azure_ad_token",
        "user_config",
        "litellm_metadata",
        "extra_headers",
        "input_cost_per_token",
        "num_retries",
        "langfuse_secret_key",
        "some_new_api_key",
        "custom_endpoint",
        "proxy_url",
    ],
)
def test_what_litellm_would_obey_is_refused(name):
    with pytest.raises(ValidationException, match=f"additionalModelRequestFields.{name}"):
        additional.merge({}, {name: "x"})


@pytest.mark.parametrize("fields", [[], "x", 1])
def test_anything_but_an_object_is_refused(fields):
    with pytest.raises(ValidationException, match="must be an object"):
        additional.merge({}, fields)


def test_the_list_knows_everything_that_the_installed_litellm_obeys():
    """In a process of its own: importing LiteLLM takes seconds and warns."""
    code = (
        "from litellm.types.utils import all_litellm_params as a\n"
        "from litellm.proxy.auth import auth_utils as u\n"
        "b = u._BANNED_REQUEST_BODY_PARAMS, u._build_banned_observability_params()\n"
        "print('\\n'.join(set(a).union(*b)))"
    )
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        capture_output=True,
        text=True,
        check=True,
    )
    listed = (Path(middleware.bedrock.__file__).parent / "protected_fields.txt").read_text().split()
    assert listed == sorted(listed)
    assert not set(result.stdout.split()) - set(listed) - {"cache"}
