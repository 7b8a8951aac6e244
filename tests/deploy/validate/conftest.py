from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

VARIABLES = {
    "DOMAIN_NAME": "gateway.example.com",
    "CERTIFICATE_ARN": "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d-0000-4000-8000-000000000000",
    "AWS_REGION": "us-east-1",
}


@pytest.fixture
def variables() -> dict[str, str]:
    return dict(VARIABLES)


@pytest.fixture
def project(repository: Path, tmp_path: Path) -> Path:
    """The committed tree, with digests as the preflight of `gateway deploy` writes them."""
    for name in ("copilot", "docker"):
        shutil.copytree(repository / name, tmp_path / name)
    images = tmp_path / "copilot" / "images.yaml"
    digest = "sha256:" + "1f" * 32
    images.write_text(re.sub(r"digest: (null|sha256:\w+)", f"digest: {digest}", images.read_text()))
    return tmp_path
