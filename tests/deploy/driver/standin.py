"""A stand-in for the `copilot` binary: it takes the commands and flags that the real one takes and keeps the
rules that the real one keeps, deploys into nothing but a file, and records what it was called with.

Beside it lie `calls.jsonl` (what it was called with), `world.json` (what exists) and `orders.json` (what a
test wants of it). It gets no variable of the test's, because the driver hands on none.
"""

import hashlib
import json
import os
import re
import signal
import sys
import time
from configparser import ConfigParser
from pathlib import Path

HERE = Path(__file__).resolve().parent
TREE = Path("copilot")
FLAGS = {
    "app ls": "",
    "app init": "",
    "app delete": "name yes!",
    "env ls": "app json!",
    "env init": "name profile region default-config!",
    "env deploy": "name force!",
    "env show": "name json!",
    "env package": "name output-dir upload-assets!",
    "env delete": "name yes!",
    "svc ls": "app json!",
    "svc init": "name",
    "svc deploy": "name env force!",
    "svc show": "name json!",
    "svc package": "name env output-dir upload-assets!",
    "svc delete": "name env yes!",
    "job ls": "app json!",
    "job init": "name",
    "job deploy": "name env",
    "job package": "name env output-dir upload-assets!",
    "job delete": "name env yes!",
}


def load(name, otherwise):
    path = HERE / name
    return json.loads(path.read_text()) if path.exists() else otherwise


world = load("world.json", {"app": None, "envs": {}, "svc": [], "job": [], "deployed": {}})
orders = load("orders.json", {})


def save():
    (HERE / "world.json").write_text(json.dumps(world))


def say(text):
    print(text, file=sys.stderr, flush=True)


def die(text):
    say(f"\x1b[31m✘ {text}\x1b[0m")
    sys.exit(1)


def parse(command, words):
    known = FLAGS[command].split()
    values, rest = {}, []
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            rest.append(word)
        elif word[2:] + "!" in known:
            values[word[2:]] = True
        elif word[2:] in known:
            values[word[2:]] = words.pop(0)
        else:
            die(f"unknown flag: {word}")
    return values, rest


def variables(manifest):
    """The values of a manifest, interpolated as Copilot does; what is not defined ends the command."""
    lines = [line.split(" #")[0] for line in manifest.read_text().splitlines()]
    names = set(
        re.findall(r"\$\{(\w+)\}", "\n".join(line for line in lines if line.strip()[:1] != "#"))
    )
    names -= {"COPILOT_APPLICATION_NAME", "COPILOT_ENVIRONMENT_NAME"}
    for name in sorted(names):
        if name not in os.environ:
            die(f'interpolate environment variables: environment variable "{name}" is not defined')
    return {name: os.environ[name] for name in names}


def content(folder, given):
    total = hashlib.sha256(json.dumps(given, sort_keys=True).encode())
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        total.update(path.read_bytes())
    return total.hexdigest()


def obey(command):
    """What a test wants to happen during the command that it names."""
    order = orders.get(command)
    if not order:
        return
    if order.get("times", 1) <= 0:
        return
    order["times"] = order.get("times", 1) - 1
    (HERE / "orders.json").write_text(json.dumps(orders))
    if order["do"] == "fail":
        for line in order["say"]:
            say(line)
        sys.exit(1)
    if order["do"] == "hang":

        def rolled_back(number, frame):
            say("\nReceived interrupt signal: canceling the update.")
            time.sleep(0.3)
            say(f"✔ Successfully rolled back {command.split()[0]} to the previous configuration.")
            sys.exit(0)  # as the real one does: nothing was deployed, and the status is 0

        signal.signal(signal.SIGINT, rolled_back)
        say("- Updating the infrastructure  [update in progress]  [0.0s]")
        (HERE / "hanging").touch()
        while True:
            time.sleep(0.05)


def change(key, wanted, force, empty):
    """Deploy into the file; where nothing differs the command fails, as CloudFormation makes it."""
    name = f"genai-gateway-{key}"
    if world["deployed"].get(key) == wanted and not force:
        say(empty)
        die(f"deploy: change set with name copilot-1 for stack {name} has no changes")
    say(
        f"\x1b[2m- Creating the infrastructure for stack {name}  [create in progress]  [0.0s]\x1b[0m"
    )
    say(f"- Creating the infrastructure for stack {name}  [create complete]  [0.1s]")
    world["deployed"][key] = wanted
    save()


def need_application():
    if world["app"] is None:
        die(
            "couldn't find an application named genai-gateway in account 123456789012 and region us-east-1"
        )


def profile_of_env_init(values):
    """The real one reads ~/.aws/config first, and takes credentials from nowhere but a named profile."""
    home = Path(os.environ["HOME"])
    if not (home / ".aws" / "config").is_file():
        die(f"read named profiles: read AWS config file {home}/.aws/config")
    parser = ConfigParser()
    parser.read([home / ".aws" / "credentials"])
    name = values.get("profile")
    if not name or "default-config" not in values or "region" not in values:
        die("select credential source: prompt for a value: not a terminal")
    if not parser.has_section(name):
        die(f"create session from profile {name}: failed to get shared config profile")
    found = hashlib.sha256(parser.get(name, "aws_secret_access_key").encode()).hexdigest()
    return {"mode": oct((home / ".aws" / "credentials").stat().st_mode & 0o777), "key": found}


def client(service):
    import boto3

    return boto3.client(service, region_name=os.environ["AWS_REGION"])


def make_stack(environment):
    """What CloudFormation would make of the environment, as far as the driver looks at it."""
    secrets, cloud = client("secretsmanager"), client("cloudformation")
    stack = f"genai-gateway-{environment}"
    keys = secrets.create_secret(Name=f"{stack}-ProviderKeys")["ARN"]
    master = secrets.create_secret(Name=f"{stack}-MasterKey", SecretString=orders["master_key"])[
        "ARN"
    ]
    exports = {"ProviderKeys": keys, "MasterKey": master}
    for name in orders["provider_keys"]:
        pascal = "".join(word.capitalize() for word in name.split("_"))
        exports[f"ProviderKeys{pascal}"] = f"{keys}:{name}::"
    outputs = {
        name: {"Value": value, "Export": {"Name": f"{stack}-{name}"}}
        for name, value in exports.items()
    }
    outputs["PublicLoadBalancerDNSName"] = {"Value": "lb-1.us-east-1.elb.amazonaws.com"}
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": outputs}
    cloud.create_stack(StackName=stack, TemplateBody=json.dumps(template))


def secrets_can_be_pulled(environment):
    """A task whose secret lacks a name that its definition has does not start."""
    secrets = client("secretsmanager")
    try:
        text = secrets.get_secret_value(SecretId=f"genai-gateway-{environment}-ProviderKeys")
        held = json.loads(text["SecretString"])
    except secrets.exceptions.ResourceNotFoundException:
        held = {}
    return set(orders["provider_keys"]) <= set(held)


def main():
    words = sys.argv[1:]
    record = {"argv": words, "env": dict(os.environ), "cwd": str(Path.cwd())}
    if words == ["--version"]:
        print(f"copilot version: {orders.get('version', 'v1.34.1')}")
        return
    command = " ".join(words[:2])
    if command not in FLAGS:
        die(f'unknown command "{command}" for "copilot"')
    values, rest = parse(command, words[2:])
    if command == "env init":
        record["profile"] = profile_of_env_init(values)
    with (HERE / "calls.jsonl").open("a") as file:
        file.write(json.dumps(record) + "\n")
    obey(command)
    group, verb = command.split()
    globals().get(f"{group}_{verb}", globals().get(f"any_{verb}"))(group, values, rest)


def app_ls(group, values, rest):
    print("other-app")
    if world["app"]:
        print(world["app"])


def any_ls(group, values, rest):
    need_application()
    kind = {"env": "environments", "svc": "services", "job": "jobs"}[group]
    names = list(world["envs"]) if group == "env" else world[group]
    print(json.dumps({kind: [{"name": name, "app": world["app"]} for name in names] or None}))


def app_init(group, values, rest):
    if (TREE / ".workspace").read_text().split() != ["application:", *rest]:
        die("workspace already registered with another application")
    world["app"] = rest[0]
    save()
    say(f"✔ Created the infrastructure to manage services and jobs under application {rest[0]}.")


def env_init(group, values, rest):
    need_application()
    if values["name"] in world["envs"]:
        die(f"environment {values['name']} already exists")
    world["envs"][values["name"]] = values["region"]
    save()
    say(f"✔ Created environment {values['name']} in region {values['region']}.")


def env_deploy(group, values, rest):
    need_application()
    name = values["name"]
    if name not in world["envs"]:
        die(
            f"get environment {name} in application genai-gateway: couldn't find environment {name}"
        )
    folder = TREE / "environments"
    wanted = content(folder, variables(folder / name / "manifest.yml"))
    first = f"env {name}" not in world["deployed"]
    empty = "Your update does not introduce immediate resource changes. "
    change(f"env {name}", wanted, values.get("force"), empty)
    if first:
        make_stack(name)


def any_init(group, values, rest):
    need_application()
    name = values["name"]
    if not (TREE / name / "manifest.yml").exists():
        die("ask for the type: not a terminal")
    if name in world[group]:
        die(f"{group} {name} already exists")
    world[group].append(name)
    save()
    say(f"Manifest file for {group} {name} already exists. Skipping configuration.")


def any_deploy(group, values, rest):
    need_application()
    name, env = values["name"], values["env"]
    if name not in world[group] or f"env {env}" not in world["deployed"]:
        die(f"get {group} {name} configuration: couldn't find it")
    given = variables(TREE / name / "manifest.yml")
    for image, value in given.items():
        if image.endswith("_IMAGE") and "@sha256:" not in value:
            die(f"{image} is not pinned")
    if group == "svc" and not secrets_can_be_pulled(env):
        say(
            "ResourceInitializationError: unable to pull secrets: retrieved secret does not contain json key"
        )
        die(
            f"deploy service {name} to environment {env}: stack genai-gateway-{env}-{name} was rolled back"
        )
    say("#5 [build 3/9] RUN pip install ...")
    say("\r#5 DONE 12.3s")
    empty = "Set --force to force an update for the service."
    change(f"{group} {name} {env}", content(TREE / name, given), values.get("force"), empty)
    say(f"✔ Deployed {group} {name}.")


def svc_show(group, values, rest):
    environment = next(iter(world["envs"]))
    of = {"environment": environment}
    logs = {
        **of,
        "name": "LOG_BUCKET_NAME",
        "value": orders.get("bucket", ""),
        "container": "litellm",
    }
    print(
        json.dumps(
            {
                "service": values["name"],
                "application": world["app"],
                "routes": [
                    {**of, "url": orders.get("url", "https://" + os.environ["DOMAIN_NAME"])}
                ],
                "configurations": [
                    {**of, "port": "3000", "cpu": "1024", "memory": "3072", "tasks": "1"}
                ],
                "variables": [{**logs, "environment": "elsewhere", "value": "not-this"}, logs],
            }
        )
    )


def env_show(group, values, rest):
    name = values["name"]
    about = {
        "app": world["app"],
        "name": name,
        "region": world["envs"][name],
        "accountID": "123456789012",
    }
    services = [{"name": service, "type": "Load Balanced Web Service"} for service in world["svc"]]
    print(json.dumps({"environment": about, "services": services, "tags": {}}))


def any_package(group, values, rest):
    need_application()
    folder = Path(values["output-dir"])
    name = values["name"]
    if group == "env":
        files = {
            f"{name}.env.yml": "Resources: {}\n" + "# filler\n" * 6000,
            f"{name}.env.params.json": "{}",
        }
    else:
        stem = f"{name}-{values['env']}"
        files = {f"{stem}.stack.yml": "Resources: {}\n", f"{stem}.params.json": "{}"}
    for file, text in files.items():
        (folder / file).write_text(text + orders.get("leak", ""))


def any_delete(group, values, rest):
    need_application()
    if not values.get("yes"):
        die("confirm: not a terminal")
    name = values["name"]
    if group == "env":
        left = [
            key
            for key in world["deployed"]
            if key.endswith(f" {name}") and not key.startswith("env")
        ]
        if left:
            die(f"service '{left[0]}' still exist within the environment {name}")
        world["deployed"].pop(f"env {name}", None)
        world["envs"].pop(name)
    elif group == "app":
        world.update(app=None, envs={}, svc=[], job=[], deployed={})
        (TREE / ".workspace").unlink()
    else:
        world["deployed"].pop(f"{group} {name} {values['env']}", None)
    save()
    say(f"✔ Deleted {group} {name}.")


if __name__ == "__main__":
    main()
