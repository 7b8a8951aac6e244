"""The deployment tree as Copilot and AWS would read it, for tests.

Interpolation, overrides by environment and merging of addons are Copilot's; secrets get the values that
CloudFormation would generate; what a container finds in its environment follows from the manifest alone.
"""

from __future__ import annotations

import json
import re
import secrets
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from gateway_lib.deploy.tree.addons import read_addons
from gateway_lib.deploy.tree.report import Report

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_REFERENCE = re.compile(r"\{\{resolve:secretsmanager:(\w+):SecretString:(\w+)\}\}")


def addons(folder: Path) -> dict[str, Any]:
    """All templates of a folder as the one that Copilot makes of them."""
    report = Report()
    merged = read_addons(folder, report)
    assert merged is not None and report.findings() == []
    return json.loads(json.dumps(merged.sections))  # plain values, without lines


def manifest(path: Path, environment: str, variables: Mapping[str, str]) -> dict[str, Any]:
    """A manifest for one environment, as Copilot renders it."""
    given = {
        "COPILOT_APPLICATION_NAME": "genai-gateway",
        "COPILOT_ENVIRONMENT_NAME": environment,
        **variables,
    }
    text = _VARIABLE.sub(lambda found: given[found[1]], path.read_text())
    content = yaml.safe_load(text)
    overrides = content.pop("environments", {})
    return _over(content, overrides.get(environment) or {})


def _over(base: dict[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in override.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = _over(result[key], value) if both else value
    return result


class Account:
    """What one environment's addons would be in AWS: attributes that the test gives, secrets made here."""

    def __init__(
        self, template: Mapping[str, Any], attributes: Mapping[str, str], env: str
    ) -> None:
        """Make the secrets of a merged template.

        Args:
            template: of the environment's addons.
            attributes: by `Resource.Attribute`, what the real resources would say.
            env: name of the environment.
        """
        self._template = template
        self._attributes = attributes
        self._names = {"App": "genai-gateway", "Env": env}
        self.secrets: dict[str, str] = {}
        for name, resource in template["Resources"].items():
            if resource["Type"] == "AWS::SecretsManager::Secret":
                self.secrets[name] = self._made(resource["Properties"])
        for name, value in self.secrets.items():
            self.secrets[name] = _REFERENCE.sub(
                lambda found: json.loads(self.secrets[found[1]])[found[2]], value
            )

    def secret(self, name: str, key: str = "") -> str:
        value = self.secrets[name]
        return str(json.loads(value)[key]) if key else value

    def export(self, name: str) -> str:
        """The value of an export as a container sees it, a secret's by what it holds."""
        (output,) = [
            output
            for output in self._template["Outputs"].values()
            if self._text(output.get("Export", {}).get("Name")) == name
        ]
        value = output["Value"]
        if "Fn::GetAtt" in value:
            return self._attributes[".".join(value["Fn::GetAtt"])]
        if "Ref" in value:
            named = value["Ref"]
            return self.secrets.get(named) or self._attributes[named]
        return self._value_of(self._text(value))

    def _value_of(self, reference: str) -> str:
        """`<resource>:<key>::` as ECS resolves it."""
        resource, key, stage, version = reference.split(":")
        assert (stage, version) == ("", ""), reference
        found = self._template["Resources"][resource]
        if found["Type"] == "AWS::SecretsManager::SecretTargetAttachment":
            resource = found["Properties"]["SecretId"]["Ref"]
        return self.secret(resource, key)

    def _text(self, value: Any) -> str:
        if not isinstance(value, dict):
            return str(value)
        text = str(value["Fn::Sub"])
        return _VARIABLE.sub(lambda found: self._names.get(found[1], found[1]), text)

    def _made(self, properties: Mapping[str, Any]) -> str:
        if "SecretString" in properties:
            return self._text(properties["SecretString"])
        wanted = properties.get("GenerateSecretString")
        if wanted is None:
            return ""  # filled from outside
        assert wanted["ExcludePunctuation"] is True
        letters = string.ascii_letters + string.digits
        made = "".join(secrets.choice(letters) for _ in range(wanted["PasswordLength"]))
        if "GenerateStringKey" not in wanted:
            return made
        return json.dumps(
            {**json.loads(wanted["SecretStringTemplate"]), wanted["GenerateStringKey"]: made}
        )


def container(part: Mapping[str, Any], account: Account) -> dict[str, str]:
    """The variables of a container: those that the manifest's part names, from the account's exports."""
    found: dict[str, str] = {}
    for name, value in {**part.get("variables", {}), **part.get("secrets", {})}.items():
        if isinstance(value, Mapping):
            (kind, export) = next(iter(value.items()))
            assert kind == "from_cfn", f"{name}: {kind}"
            found[name] = account.export(export)
        else:
            assert value is not None, name
            found[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return found


def outputs(template: Mapping[str, Any], attributes: Mapping[str, str]) -> dict[str, str]:
    """What addons of a workload put into every container: their outputs that are plain values."""
    kinds = {name: each["Type"] for name, each in template["Resources"].items()}
    apart = ("AWS::SecretsManager::Secret", "AWS::IAM::ManagedPolicy", "AWS::EC2::SecurityGroup")
    found = {}
    for name, output in template["Outputs"].items():
        named = output["Value"].get("Ref", "")
        if kinds.get(named) not in apart:
            found[_snake(name)] = attributes[named]
    return found


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()
