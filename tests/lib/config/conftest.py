from __future__ import annotations

import os
import warnings

import pytest


@pytest.fixture(scope="session")
def offline_litellm():
    """LiteLLM, imported without fetching its price table."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what pydantic says of LiteLLM's own types
        import litellm
        import litellm.proxy.hooks.cache_control_check

    return litellm
