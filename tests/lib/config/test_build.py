from __future__ import annotations

import pytest

from gateway_lib import config
from gateway_lib.errors import ConfigurationError


def test_an_overlay_redirects_every_deployment_of_its_providers():
    base = {
        "model_list": [{"model_name": "a", "litellm_params": {"model": "openai/a", "weight": 2}}]
    }
    overlay = {"providers": {"openai": {"api_base": "there"}}}
    (entry,) = config.overlaid(base, overlay)["model_list"]
    assert entry["litellm_params"] == {"model": "openai/a", "weight": 2, "api_base": "there"}
    assert "api_base" not in base["model_list"][0]["litellm_params"]


def test_a_provider_that_would_be_called_for_real_is_refused():
    base = {"model_list": [{"model_name": "a", "litellm_params": {"model": "groq/a"}}]}
    with pytest.raises(ConfigurationError, match=r"model a: .* provider groq"):
        config.overlaid(base, {"providers": {"openai": {}}})


def test_mappings_merge_and_everything_else_is_replaced():
    merged = config.overlaid({"s": {"a": 1, "b": [1]}, "t": 1}, {"s": {"b": [2], "c": {"d": 3}}})
    assert merged == {"s": {"a": 1, "b": [2], "c": {"d": 3}}, "t": 1}


@pytest.mark.parametrize(
    ("content", "message"), [("a: [", "not valid YAML"), ("- a", "a mapping is needed")]
)
def test_a_broken_file_is_a_clear_error(tmp_path, content, message):
    path = tmp_path / "config.yaml"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=message):
        config.read(path)
    with pytest.raises(ConfigurationError, match="No such file"):
        config.read(tmp_path / "absent.yaml")


def test_the_local_configuration_keeps_every_model_name_and_calls_no_provider_for_real():
    default = config.read(config.build.CONFIG_DIR / "default-config.yaml")
    local = config.load_local()
    own = [
        m["model_name"] for m in config.read(config.build.CONFIG_DIR / "local.yaml")["model_list"]
    ]
    assert all(name.startswith("simulated-") for name in own)
    assert [m["model_name"] for m in local["model_list"]] == [
        *(m["model_name"] for m in default["model_list"]),
        *own,
    ]
    for model in local["model_list"]:
        params = model["litellm_params"]
        assert any("SIMULATOR" in str(value) for value in params.values()), model["model_name"]
        assert "OPENAI_API_KEY" not in str(params)
