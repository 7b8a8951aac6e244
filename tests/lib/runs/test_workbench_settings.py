import re
from itertools import pairwise

import pytest
from dotenv import dotenv_values

from gateway_lib.config import variables
from gateway_lib.errors import SettingsError
from gateway_lib.local import State, printed_for
from gateway_lib.runs.session import pointed_at
from gateway_lib.settings import PROJECT_ROOT, Settings, settings_of
from middleware.settings import Settings as Middleware


def test_the_template_holds_every_variable_once_with_a_comment():
    lines = (PROJECT_ROOT / ".env.template").read_text().splitlines()
    named, commented = {}, {}
    for before, line in pairwise(lines):
        if match := re.fullmatch(r"(# )?([A-Z_]+)=(.*)", line):
            assert before.startswith("# ") and len(before) > 4, line
            assert match[2] not in named and match[2] not in commented, line
            (commented if match[1] else named)[match[2]] = match[3]
    of_others = (
        *variables.DEPLOYMENT,
        *variables.PROVIDERS,
        *variables.IDENTITY,
        *variables.LANGSMITH,
    )
    fields = {field.alias: field.default for field in Settings.model_fields.values()}
    defaults = {name: "" if value is None else value for name, value in fields.items()}
    assert named == {
        **{one.name: one.default for one in of_others},
        **{name: str(value).removesuffix(".0") for name, value in defaults.items()},
    }
    assert set(commented) == {f"MIDDLEWARE_{name.upper()}" for name in Middleware.model_fields}


def test_a_copy_of_the_template_changes_nothing():
    """What it says where nothing was filled in are the defaults."""
    copied = {k: v or "" for k, v in dotenv_values(PROJECT_ROOT / ".env.template").items()}
    assert settings_of(copied) == settings_of({})


def test_what_gateway_env_printed_means_the_local_stack_also_after_a_restart(tmp_path):
    state = State(tmp_path)
    assert not printed_for(state, {"GATEWAY_API_KEY": "sk-x"})
    assert not list(tmp_path.iterdir()), "asking left something behind"
    key = state.secrets().demo_key
    printed = {"GATEWAY_BASE_URL": "http://127.0.0.1:1", "GATEWAY_API_KEY": key}
    assert printed_for(state, printed)
    assert not printed_for(state, {**printed, "GATEWAY_API_KEY": "sk-of-another-gateway"})
    assert not printed_for(state, {})


def test_without_a_gateway_the_error_says_what_to_do():
    with pytest.raises(SettingsError, match=r"gateway up.*GATEWAY_BASE_URL"):
        settings_of({}).gateway()
    with pytest.raises(SettingsError, match="GATEWAY_API_KEY"):
        settings_of({"GATEWAY_BASE_URL": "http://x"}).user_key()
    with pytest.raises(SettingsError, match="GATEWAY_MASTER_KEY"):
        settings_of({}).admin_key()


def test_a_bad_value_is_named_and_not_repeated():
    with pytest.raises(SettingsError) as refused:
        settings_of({"GATEWAY_BASE_URL": "hunter2"})
    assert "GATEWAY_BASE_URL" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_urls_lose_their_tail_and_keys_do_not_show():
    known = settings_of({"GATEWAY_BASE_URL": "https://x/v1/", "GATEWAY_API_KEY": "hunter2"})
    assert known.gateway() == "https://x"
    assert known.runs_dir == PROJECT_ROOT / "runs"
    assert "hunter2" not in repr(known)
    assert known.as_user("other").user_key() == "other"


def test_another_gateway_takes_every_client_along():
    stack = {
        "GATEWAY_BASE_URL": "http://local",
        "GATEWAY_TLS_URL": "https://local",
        "GATEWAY_API_KEY": "mine",
        "OPENAI_BASE_URL": "http://local/v1",
        "OPENAI_API_KEY": "old",
    }
    environment = pointed_at("https://far/", stack)
    assert "GATEWAY_TLS_URL" not in environment
    assert environment["GATEWAY_BASE_URL"] == "https://far"
    assert environment["OPENAI_BASE_URL"] == "https://far/v1"
    assert environment["OPENAI_API_KEY"] == "mine"
    assert environment["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"] == "https://far/bedrock"
    with pytest.raises(SettingsError, match="no key for http://other"):
        pointed_at("http://other", {})
