"""The example scripts, run as their first lines say, by either set of variables."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.contract.models import NOBODY

SCRIPTS = pytest.mark.parametrize("script", ["bedrock_converse.py", "bedrock_stream.py"])


@pytest.fixture
def example(repository, tmp_path):
    def run(script, variables, *arguments):
        bare = {"HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}
        return subprocess.run(
            [sys.executable, repository / "examples" / script, *arguments],
            env={**bare, **variables},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def of_the_seed(variables, provider):
    """The variables of the scripts that these succeed, over http."""
    return {
        "API_ENDPOINT": f"{variables['GATEWAY_BASE_URL']}/bedrock",
        "API_KEY": variables["GATEWAY_API_KEY"],
        "AWS_REGION": variables["AWS_REGION"],
    }


@SCRIPTS
def test_a_question(example, of_the_seed, model, marker, script):
    done = example(script, of_the_seed, model, f"echo: Good morning, {marker}.")
    assert (done.returncode, done.stdout) == (0, f"Good morning, {marker}.\n"), done.stderr
    assert "end_turn" in done.stderr
    assert "tokens in" in done.stderr


@SCRIPTS
def test_by_the_variables_of_gateway_env(example, variables, provider, script):
    done = example(script, {name: v for name, v in variables.items() if name.startswith("AWS_")})
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@SCRIPTS
def test_an_error_is_one_line(example, of_the_seed, script):
    done = example(script, of_the_seed, NOBODY)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "The provided model identifier is invalid." in done.stderr


@SCRIPTS
def test_a_missing_setting_is_named(example, of_the_seed, script):
    del of_the_seed["API_KEY"]
    done = example(script, of_the_seed)
    assert done.returncode == 1
    assert done.stderr == "set API_KEY (or AWS_BEARER_TOKEN_BEDROCK)\n"
