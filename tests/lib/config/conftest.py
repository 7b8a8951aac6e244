from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session")
def offline_litellm():
    """LiteLLM, imported without fetching its price table."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm

    return litellm
