"""The tree, and what it needs to be rendered."""

from __future__ import annotations

from pathlib import Path

import pytest

VARIABLES = {
    "DOMAIN_NAME": "gateway.example.com",
    "CERTIFICATE_ARN": "arn:aws:acm:us-east-1:123456789012:certificate/example",
    "PYTHON_IMAGE": "python-by-digest",
    "LITELLM_IMAGE": "litellm-by-digest",
}


@pytest.fixture(scope="session")
def copilot(repository: Path) -> Path:
    return repository / "copilot"


@pytest.fixture(scope="session")
def docker(repository: Path) -> Path:
    return repository / "docker"
