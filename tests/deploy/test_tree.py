"""The deployment tree: what `gateway validate` cannot know, because it is a decision of ours."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from gateway_lib.config import load
from gateway_lib.deploy.tree import validate
from gateway_lib.findings import failing
from tests.contract.environments import environment
from tests.deploy import tree
from tests.deploy.conftest import VARIABLES
from tests.deploy.dockerfile import read

ENVIRONMENTS = ("dev", "prod")
FOLDERS = ("environments", "gateway", "evaluate")
_CONDITIONS = {"IsProduction": "prod"}


@pytest.fixture(scope="module")
def templates(copilot):
    return {name: tree.addons(copilot / name / "addons") for name in FOLDERS}


@pytest.fixture(scope="module")
def resources(templates):
    return templates["environments"]["Resources"]


@pytest.fixture(scope="module")
def gateways(copilot):
    return {
        name: tree.manifest(copilot / "gateway" / "manifest.yml", name, VARIABLES)
        for name in ENVIRONMENTS
    }


def chosen(value, name: str):
    """A property with its `!If`s decided for an environment."""
    if isinstance(value, dict) and "Fn::If" in value:
        condition, yes, no = value["Fn::If"]
        return chosen(yes if _CONDITIONS[condition] == name else no, name)
    if isinstance(value, dict):
        return {key: chosen(each, name) for key, each in value.items()}
    return value


def seconds(text: str | int) -> int:
    return int(str(text).removesuffix("s"))


def test_the_validator_has_nothing_to_say_but_that_digests_come_later(repository):
    findings = validate(repository, VARIABLES)
    assert {finding.rule for finding in findings} <= {"image/unresolved"}, findings


def test_the_security_scan_finds_nothing_that_is_not_explained(templates, docker, tmp_path):
    """Checkov's rules, in an environment of its own: its requirements contradict ours."""
    for name, template in templates.items():
        (tmp_path / f"{name}.yml").write_text(yaml.safe_dump(template, sort_keys=False))
    for path in docker.glob("*.Dockerfile"):
        shutil.copyfile(path, tmp_path / path.name)
    foreign = environment("checkov", Path(__file__).parent)
    program = tmp_path / "scan.py"
    program.write_text("from checkov.main import Checkov\nraise SystemExit(Checkov().run())\n")
    options = ["--skip-download", "--framework", "cloudformation", "dockerfile", "--compact"]
    scanned = foreign.run(
        str(program), "-d", ".", "-o", "json", *options, variables={}, folder=tmp_path
    )
    reports = {each["check_type"]: each["results"] for each in json.loads(scanned.stdout)}
    assert set(reports) == {"cloudformation", "dockerfile"}, scanned.stderr
    for kind, results in reports.items():
        failed = [
            f"{r['check_id']} {r['resource']}: {r['check_name']}" for r in results["failed_checks"]
        ]
        assert not failed, failed
        assert not results["parsing_errors"]
        assert len(results["passed_checks"]) > 50, kind
        reasons = [each["check_result"]["suppress_comment"] for each in results["skipped_checks"]]
        assert all(len(reason) > 20 for reason in reasons), reasons


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_nothing_gives_up_before_what_stands_behind_it(copilot, gateways, name):
    """A slow model's answer arrives, an idle connection closes at the side that may open another one."""
    gateway = gateways[name]
    own = gateway["variables"]
    patches = yaml.safe_load((copilot / "environments/overrides/cfn.patches.yml").read_text())
    attributes = {p["value"]["Key"]: p["value"]["Value"] for p in patches if p["op"] == "add"}
    idle = int(attributes["idle_timeout.timeout_seconds"])
    litellm = load("aws", {})["litellm_settings"]["request_timeout"]
    assert litellm <= own["MIDDLEWARE_READ_SECONDS"] < idle < own["MIDDLEWARE_KEEPALIVE_SECONDS"]
    assert attributes["routing.http.drop_invalid_header_fields.enabled"] == "true"
    stops = [
        patch["value"]
        for patch in yaml.safe_load((copilot / "gateway/overrides/cfn.patches.yml").read_text())
        if patch["path"].endswith("/StopTimeout")
    ]
    assert len(stops) == 1 + len(gateway["sidecars"])
    assert all(own["MIDDLEWARE_DRAIN_SECONDS"] + 5 <= stop <= 120 for stop in stops)
    check = gateway["http"]["healthcheck"]
    failover = 60
    assert seconds(check["interval"]) * check["unhealthy_threshold"] > failover
    sidecar = gateway["sidecars"]["litellm"]["healthcheck"]
    assert seconds(check["grace_period"]) > seconds(sidecar["start_period"])


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_ports_agree(docker, gateways, name):
    gateway = gateways[name]
    port, sidecar = gateway["image"]["port"], gateway["sidecars"]["litellm"]
    assert gateway["variables"]["MIDDLEWARE_PORT"] == port
    assert gateway["variables"]["MIDDLEWARE_LITELLM_URL"].endswith(f":{sidecar['port']}")
    assert (
        f"--port={sidecar['port']}" in read(docker / "litellm.Dockerfile").final.last("CMD").words
    )
    assert any(f":{sidecar['port']}/" in word for word in sidecar["healthcheck"]["command"])
    assert "target_container" not in gateway["http"]


def test_litellm_is_reached_by_way_of_the_middleware_alone(docker):
    assert "--host=127.0.0.1" in read(docker / "litellm.Dockerfile").final.last("CMD").words


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_variable_that_the_configuration_names_reaches_litellm(
    repository, docker, templates, gateways, name
):
    text = (repository / "config/default-config.yaml").read_text()
    text += json.dumps(load("aws", {}))
    named = set(re.findall(r"os\.environ/(\w+)", text)) - {"DATABASE_URL"}  # made of its parts
    for part in load("aws", {}).get("when", []):
        named |= set(part["set"])
    part = gateways[name]["sidecars"]["litellm"]
    known = {*part["variables"], *part["secrets"]}
    known |= set(read(docker / "litellm.Dockerfile").final.environment)
    known |= set(tree.outputs(templates["gateway"], {"CallLogs": "bucket"}))
    assert named <= known, named - known
    assert {"LANGSMITH_API_KEY", "LANGSMITH_PROJECT", "LANGSMITH_DEFAULT_RUN_NAME"} <= known


def test_every_lambda_function_of_copilot_is_of_a_kind_that_can_be_made(copilot):
    wanted = {
        "environments": {"BucketCleanerFunction"},
        "gateway": {"RulePriorityFunction", "EnvControllerFunction", "DynamicDesiredCountFunction"},
        "evaluate": {"EnvControllerFunction"},
    }
    for folder, functions in wanted.items():
        patches = yaml.safe_load((copilot / folder / "overrides/cfn.patches.yml").read_text())
        found = {
            patch["path"].split("/")[2]: patch["value"]
            for patch in patches
            if patch["path"].endswith("/Properties/Runtime")
        }
        assert set(found) == functions
        assert set(found.values()) == {"nodejs24.x"}


def test_every_secret_is_encrypted_tagged_and_made_in_aws(resources):
    found = {n: r for n, r in resources.items() if r["Type"] == "AWS::SecretsManager::Secret"}
    assert len(found) == 7
    for name, secret in found.items():
        properties = secret["Properties"]
        assert properties["KmsKeyId"] == {"Fn::GetAtt": ["DataKey", "Arn"]}, name
        tags = {tag["Key"]: tag["Value"] for tag in properties["Tags"]}
        assert tags == {
            "copilot-application": {"Ref": "App"},
            "copilot-environment": {"Ref": "Env"},
        }
        generated = properties.get("GenerateSecretString", {})
        if name == "ProviderKeys":  # a value here would take the place of those that were filled in
            assert not generated and "SecretString" not in properties
        elif name == "MasterKey":
            assert properties["SecretString"]["Fn::Sub"].startswith("sk-{{resolve:secretsmanager:")
        else:
            assert generated["PasswordLength"] >= 32
    for name in ("MasterKey", "SaltKey", "DatabaseSecret", "ProviderKeys"):
        assert found[name]["DeletionPolicy"] == found[name]["UpdateReplacePolicy"] == "Retain"
    key = resources["DataKey"]
    assert key["DeletionPolicy"] == "Retain"
    assert {tag["Key"] for tag in key["Properties"]["Tags"]} >= {"copilot-application"}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_database_is_safe_in_its_environment(resources, name):
    cluster = resources["DatabaseCluster"]
    properties = chosen(cluster["Properties"], name)
    assert cluster["DeletionPolicy"] == cluster["UpdateReplacePolicy"] == "Snapshot"
    assert properties["StorageEncrypted"] is True
    assert properties["DeletionProtection"] is (name == "prod")
    assert properties["BackupRetentionPeriod"] == (35 if name == "prod" else 7)
    parameters = resources["DatabaseParameters"]["Properties"]["Parameters"]
    assert parameters["rds.force_ssl"] == "1"
    assert resources["DatabaseReader"]["Condition"] == "IsProduction"
    instances = [r for r in resources.values() if r["Type"] == "AWS::RDS::DBInstance"]
    assert all(each["Properties"]["PubliclyAccessible"] is False for each in instances)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_redis_is_safe_in_its_environment(resources, name):
    properties = chosen(resources["Redis"]["Properties"], name)
    assert properties["TransitEncryptionEnabled"] and properties["AtRestEncryptionEnabled"]
    assert "resolve:secretsmanager" in properties["AuthToken"]["Fn::Sub"]
    production = name == "prod"
    assert properties["MultiAZEnabled"] is properties["AutomaticFailoverEnabled"] is production
    assert properties["NumCacheClusters"] == (2 if production else 1)


def test_the_data_stores_are_open_to_the_tasks_alone(resources):
    for name, port in (("DatabaseSecurityGroup", 5432), ("RedisSecurityGroup", 6379)):
        (rule,) = resources[name]["Properties"]["SecurityGroupIngress"]
        assert rule["FromPort"] == rule["ToPort"] == port
        assert rule["SourceSecurityGroupId"] == {"Ref": "DataAccessSecurityGroup"}
    assert "SecurityGroupIngress" not in resources["DataAccessSecurityGroup"]["Properties"]


def test_the_firewall_lets_prompts_pass_and_nothing_else(resources):
    """Prompts are long, and hold code, paths, HTML and SQL: no rule may block for what a body says."""
    counted: set[str] = set()
    for rule in resources["Firewall"]["Properties"]["Rules"]:
        managed = rule["Statement"].get("ManagedRuleGroupStatement", {})
        for override in managed.get("RuleActionOverrides", []):
            assert override["ActionToUse"] == {"Count": {}}
            assert override["Name"].upper().endswith("_BODY"), "headers and paths are held to it"
            counted.add(override["Name"])
        if managed:
            assert rule["OverrideAction"] == {"None": {}}
    assert counted >= {
        "SizeRestrictions_BODY",
        "CrossSiteScripting_BODY",
        "GenericLFI_BODY",
        "GenericRFI_BODY",
        "EC2MetaDataSSRF_BODY",
        "SQLi_BODY",
        "Log4JRCE_BODY",
        "JavaDeserializationRCE_BODY",
    }
    assert resources["FirewallAssociation"]["Condition"] == "HasPublicLoadBalancer"
    redacted = resources["FirewallLogging"]["Properties"]["RedactedFields"]
    names = {each["SingleHeader"]["Name"] for each in redacted if "SingleHeader" in each}
    assert names >= {"authorization", "x-api-key"}


def test_a_task_may_do_with_bedrock_what_the_gateway_does_and_no_more(templates):
    policy = templates["gateway"]["Resources"]["BedrockAccess"]["Properties"]["PolicyDocument"]
    allowed = {}
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Allow"
        actions, places = statement["Action"], statement["Resource"]
        for action in actions if isinstance(actions, list) else [actions]:
            allowed[action] = [
                each["Fn::Sub"].rpartition(":")[2].partition("/")[0]
                for each in (places if isinstance(places, list) else [places])
            ]
    calls = [
        "foundation-model",
        "inference-profile",
        "application-inference-profile",
        "provisioned-model",
        "imported-model",
    ]
    assert allowed == {
        "bedrock:InvokeModel": calls,
        "bedrock:InvokeModelWithResponseStream": calls,
        "bedrock:CountTokens": calls,
        "bedrock:GetPrompt": ["prompt"],
        "bedrock:ApplyGuardrail": ["guardrail", "guardrail-profile"],
    }


def test_the_dashboard_is_json(templates):
    body, values = templates["gateway"]["Resources"]["Dashboard"]["Properties"]["DashboardBody"][
        "Fn::Sub"
    ]
    names = {"AWS::Region": "us-east-1", **dict.fromkeys(values, "value")}
    filled = re.sub(r"\$\{([\w:]+)\}", lambda found: names.get(found[1], found[1]), body)
    assert len(json.loads(filled)["widgets"]) == 8


def test_the_alarm_that_undoes_a_deployment_exists(templates, gateways):
    alarm = templates["gateway"]["Resources"]["ServerErrorsAlarm"]["Properties"]["AlarmName"]
    for name, gateway in gateways.items():
        filled = alarm["Fn::Sub"].replace("${App}", "genai-gateway").replace("${Env}", name)
        assert gateway["deployment"]["rollback_alarms"] == [filled.replace("${Name}", "gateway")]


def test_copilot_is_known_to_its_tree_alone(repository):
    """Whoever leaves Copilot has nothing to change in the programs."""
    for folder in ("middleware", "docker", "gateway_lib/evaluation", "gateway_lib/config"):
        for path in (repository / folder).rglob("*"):
            if path.is_file() and path.suffix in (".py", ".Dockerfile", ".yaml"):
                assert "COPILOT_" not in path.read_text(), path


def test_development_without_https_is_one_patch_away(repository, tmp_path):
    """It applies to the tree as it is, and what it makes is whole: no name, no certificate, few let in."""
    shutil.copytree(repository / "copilot", tmp_path / "copilot")
    shutil.copytree(repository / "docker", tmp_path / "docker")
    for name in ("config", "gateway_lib", "middleware", "notebooks"):
        (tmp_path / name).symlink_to(repository / name)
    for path in repository.glob("requirements*.lock"):
        shutil.copyfile(path, tmp_path / path.name)
    for name in ("pyproject.toml", ".dockerignore"):
        shutil.copyfile(repository / name, tmp_path / name)
    patch = repository / "docs" / "dev-without-https.patch"
    subprocess.run(["git", "apply", str(patch)], cwd=tmp_path, check=True)
    variables = {**VARIABLES, "DOMAIN_NAME": "unused.invalid", "DEV_SOURCE_CIDR": "198.51.100.7/32"}
    findings = failing(validate(tmp_path, variables, cfn_lint=False))
    # functions that Copilot's template then names, and makes for applications with a domain only
    assert {finding.rule for finding in findings} <= {"override/runtime-not-patched"}, findings
    dev, prod = (
        tree.manifest(tmp_path / "copilot/environments" / name / "manifest.yml", name, variables)
        for name in ENVIRONMENTS
    )
    assert dev["http"]["public"]["ingress"] == {"source_ips": ["198.51.100.7/32"]}
    assert "certificates" not in dev["http"]["public"] and "certificates" in prod["http"]["public"]
    services = [
        tree.manifest(tmp_path / "copilot/gateway/manifest.yml", name, variables)
        for name in ENVIRONMENTS
    ]
    assert [service["http"].get("alias") for service in services] == [None, "unused.invalid"]
