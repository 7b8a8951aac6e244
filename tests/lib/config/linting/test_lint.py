"""Each planted fault is found where it stands, with its mend, and by its own rule."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from gateway_lib.config import CONFIG_DIR, lint, variables
from gateway_lib.config.linting import RULES, UNREADABLE, known
from gateway_lib.config.linting import lint as lint_with
from gateway_lib.findings import Severity

from .faults import FAULTS
from .faults.fault import BASE, COMPLETE, Fault

KEYS = {one.name: "given" for one in variables.PROVIDERS}


def written(folder, fault: Fault):
    """The file, and the line on which the fault is to be found; 0 where no line is marked."""
    (folder / "base.yaml").write_text(BASE)
    lines = fault.text.split("\n")
    marked = [number for number, line in enumerate(lines, 1) if "!!" in line]
    path = folder / "config.yaml"
    path.write_text(fault.text.replace(" !!", "").replace("!!", ""))
    assert len(marked) <= 1
    return path, marked[0] if marked else 0


def found(path, fault: Fault, rules=RULES):
    environment = {**COMPLETE, **fault.environment}
    return lint_with(path, environment, litellm=fault.litellm, rules=rules)


def test_nothing_is_wrong_with_what_the_faults_are_planted_in(tmp_path):
    path, _ = written(tmp_path, Fault("none", "", BASE, ""))
    assert lint_with(path, COMPLETE, litellm="1.106.2") == []


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_explained(tmp_path, fault):
    path, line = written(tmp_path, fault)
    by_rule = [one for one in found(path, fault) if one.rule == fault.rule]
    assert [(one.path, one.line) for one in by_rule] == [(path, line)], found(path, fault)
    assert fault.mend in by_rule[0].mend and by_rule[0].problem.endswith(".")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_nothing_else_is_found(tmp_path, fault):
    path, _ = written(tmp_path, fault)
    assert {one.rule for one in found(path, fault)} == {fault.rule}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_is_what_finds_its_faults(tmp_path, rule):
    faults = [fault for fault in FAULTS if fault.rule == rule.name]
    assert faults, "no fault is planted for this rule"
    for fault in faults:
        path, _ = written(tmp_path, fault)
        without = [one for one in RULES if one is not rule]
        assert not [one for one in found(path, fault, without) if one.rule == rule.name]


def test_rule_names_are_unique_and_every_planted_rule_exists():
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    assert {fault.rule for fault in FAULTS} == {*names, UNREADABLE}


@pytest.mark.parametrize("name", ["default-config.yaml", "local.yaml", "aws.yaml"])
def test_what_is_shipped_is_without_fault(name):
    assert lint(CONFIG_DIR / name, KEYS) == []


def test_without_any_key_only_keys_are_missing():
    findings = lint(CONFIG_DIR / "default-config.yaml", {})
    assert {one.rule for one in findings} == {"provider/key-not-set"}
    assert {one.severity for one in findings} == {Severity.WARNING}
    named = {one.mend.split()[1] for one in findings}
    assert named == {one.name for one in variables.PROVIDERS if one.provider} - {
        "AZURE_API_KEY",
        "DATABRICKS_API_KEY",
    }


def test_a_fault_of_the_default_is_told_with_its_own_file(tmp_path):
    (tmp_path / "base.yaml").write_text(BASE.replace("simple-shuffle", "simpel-shuffle"))
    path = tmp_path / "config.yaml"
    path.write_text("extends: base.yaml\nlitellm_settings: {drop_parms: true}\n")
    told = [(one.path.name, one.line, one.rule) for one in lint(path, COMPLETE)]
    assert told == [
        ("config.yaml", 2, "settings/unknown"),
        ("base.yaml", 8, "routing/unknown-strategy"),
    ]


def test_what_an_outer_layer_mends_is_not_a_fault(tmp_path):
    (tmp_path / "base.yaml").write_text(BASE.replace("simple-shuffle", "simpel-shuffle"))
    path = tmp_path / "config.yaml"
    path.write_text("extends: base.yaml\nrouter_settings: {routing_strategy: least-busy}\n")
    assert lint(path, COMPLETE) == []


@pytest.mark.parametrize(
    "content", ["", "- a\n", "a\n", "model_list:\n", "model_list: 5\n", "3: 4\n"]
)
def test_strange_files_are_faults_and_no_crashes(tmp_path, content):
    path = tmp_path / "config.yaml"
    path.write_text(content)
    lint(path, {})


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("litellm_settings", "[1]"),
        ("litellm_settings", "{cache: true, cache_params: 7, callbacks: 3, success_callback: {}}"),
        ("router_settings", "{fallbacks: [3, {a: 4}], model_group_alias: [a]}"),
        ("guardrails", "[3, {guardrail_name: x}, {litellm_params: {mode: {a: b}}}]"),
        ("model_list", "[3, {model_name: [a], litellm_params: {model: 4, guardrails: 3}}]"),
        ("remove_models", "3"),
    ],
)
def test_wrong_shapes_are_faults_and_no_crashes(tmp_path, section, value):
    path = tmp_path / "config.yaml"
    path.write_text(BASE.replace(f"{section}:\n", f"{section}_: \n") + f"{section}: {value}\n")
    lint(path, {})


def test_the_value_of_a_secret_is_never_told(tmp_path):
    secret = "sk-" + "Zk8w2nQ4" * 4
    path = tmp_path / "config.yaml"
    path.write_text(BASE.replace("os.environ/OPENAI_API_KEY", secret))
    environment = {"LITELLM_MASTER_KEY": "hunter2-weak", "LITELLM_SALT_KEY": "hunter2-weak"}
    findings = lint(path, environment)
    assert {"secret/in-clear", "secret/weak", "secret/equal"} <= {one.rule for one in findings}
    assert secret not in str(findings) and "hunter2" not in str(findings)


def test_generated_keys_are_strong(tmp_path):
    import secrets

    path = tmp_path / "config.yaml"
    path.write_text(BASE)
    for _ in range(50):
        environment = {
            **COMPLETE,
            "LITELLM_MASTER_KEY": f"sk-{secrets.token_urlsafe(32)}",
            "LITELLM_SALT_KEY": secrets.token_hex(32),
        }
        assert lint(path, environment) == []


def test_litellms_own_settings_are_read_from_its_sources():
    """Where they are kept in LiteLLM may change; then this fails, not the user's configuration."""
    assert {"model_list", "litellm_settings", "guardrails", "policies"} <= set(known.sections())
    assert {"drop_params", "cache", "max_budget", "request_timeout"} <= set(
        known.litellm_settings()
    )
    assert {"master_key", "proxy_batch_write_at"} <= set(known.general_settings())
    assert {"enable_pre_call_checks", "fallbacks"} <= set(known.router_settings())
    assert {"type", "ttl", "ssl", "namespace", "mode"} <= set(known.cache_params())
    assert {"s3_bucket_name", "s3_endpoint_url"} <= set(known.s3_callback_params())
    assert {"temperature", "top_k", "aws_region_name", "weight"} <= set(known.litellm_params())
    assert {"id", "base_model", "mode", "supports_vision"} <= set(known.model_info())
    assert {"guardrailIdentifier", "default_on", "mode"} <= set(known.guardrail_params())
    assert {"bedrock", "presidio"} <= set(known.guardrail_services())
    assert {"pre_call", "post_call", "during_call"} <= set(known.guardrail_modes())
    assert {"openai", "bedrock", "gemini"} <= set(known.providers())
    assert {"simple-shuffle", "usage-based-routing-v2"} <= set(known.strategies())
    assert {"s3_v2", "langsmith", "prometheus", "sentry"} <= set(known.callbacks())


def test_the_command(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(BASE.replace("enable_pre_call_checks", "enable_pre_call_check"))
    command = [sys.executable, "-m", "gateway_lib", "lint", str(path)]
    began = time.monotonic()
    plain = subprocess.run(command, capture_output=True, text=True, check=False)
    assert time.monotonic() - began < 30
    assert plain.returncode == 1 and plain.stderr == ""
    for word in ("9  error", "settings/unknown", "`enable_pre_call_checks`", "1 error"):
        assert word in plain.stdout
    document = json.loads(
        subprocess.run([*command, "--json"], capture_output=True, text=True, check=False).stdout
    )
    (error,) = [one for one in document["findings"] if one["severity"] == "error"]
    assert document["errors"] == 1 and (error["line"], error["rule"]) == (9, "settings/unknown")
    right = subprocess.run(
        [*command[:-1], str(CONFIG_DIR / "aws.yaml")], capture_output=True, text=True, check=False
    )
    assert right.returncode == 0, right.stdout
