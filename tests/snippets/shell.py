"""What becomes of each command of the documentation: it is run, unless it is named here with the reason.

A command that is not run is still held to the command line: its subcommand and its options have to exist. The
reason names the test that covers it, `file::test`, where there is one.
"""

# ruff: noqa: E501  -- whole lines of the documentation stand here

from __future__ import annotations

LIFECYCLE = "tests/stack/test_lifecycle.py"
NOTEBOOKS = "tests/notebooks/test_notebooks.py"
ROSTERS = "tests/stack/test_provisioning.py"
DRIVER = "tests/deploy/driver/test_driver.py"
COMPARED = "tests/lib/benchmark/results"
METER = "tests/lib/benchmark"
TUTORIAL = "docs/tutorial.md"
CONFIGURED = "tests/lib/config/linting/test_lint.py"
AWS = "asks AWS itself; no account is used here"
CHECKOUT = "is about a checkout of one's own"

NOT_RUN: dict[str, str] = {
    "make run": NOTEBOOKS,
    "make setup": "the tests run in what it made; tests/test_frame.py compares that with the lock",
    "make up": LIFECYCLE,
    "gateway up --detach": LIFECYCLE,
    "gateway up": LIFECYCLE,
    "gateway down": LIFECYCLE,
    "gateway run 05_benchmark -p rate_rps=10": NOTEBOOKS,
    "gateway run 05_benchmark --gateway https://gateway.example.com": NOTEBOOKS,
    "gateway run --replay latest": "tests/lib/runs",
    "gateway run --replay RUN": "tests/lib/runs",
    "gateway run 03_ab_experiment": "tests/notebooks/test_experiment.py",
    "gateway run 03_ab_experiment -p start=false -p traffic=false": "tests/notebooks/test_experiment.py",
    "gateway run 03_ab_experiment -p start=false -p traffic=false -p decide=promote": (
        "tests/notebooks/test_experiment.py"
    ),
    "gateway run 04_guardrails": "tests/notebooks/test_guardrails.py",
    "gateway run 04_guardrails -p n=0": "tests/notebooks/test_guardrails.py",
    "gateway runs pin RUN": COMPARED,
    "gateway runs compare latest": COMPARED,
    "gateway runs compare BEFORE AFTER": COMPARED,
    "gateway runs compare RUN": COMPARED,
    "gateway validate": "tests/deploy/validate/test_command.py",
    "gateway validate --env-file prod.env": "tests/deploy/validate/test_command.py",
    "gateway deploy --target dev": DRIVER,
    "gateway deploy --target dev --yes": DRIVER,
    "gateway deploy images": "tests/deploy/driver/test_preflight.py",
    "gateway deploy export --target dev": DRIVER,
    "gateway deploy destroy --target dev --dry-run": DRIVER,
    "gateway deploy destroy --target dev": DRIVER,
    'git commit -am "Base images"': CHECKOUT,
    "git apply docs/dev-without-https.patch": "tests/deploy/test_tree.py",
    "git clone REPOSITORY ~/gateway": CHECKOUT,
    "cp -r ~/gateway /tmp/gateway && cd /tmp/gateway": CHECKOUT,
    "aws acm request-certificate --domain-name gateway.example.com --validation-method DNS \\": AWS,
    "aws acm describe-certificate --certificate-arn ARN \\": AWS,
    "aws bedrock-runtime converse --model-id us.anthropic.claude-haiku-5-5 \\": AWS,
    "gateway bench run quick": TUTORIAL,
    "gateway bench run quick -s load.rate_rps=8 -s interface=bedrock -s stream=false": METER,
    "gateway bench sweep capacity --start 2": METER,
    "gateway bench search capacity -s slo.ttft_ms=800": METER,
    "gateway bench shard SPEC -s shards=4 --shard 0 --start-at 2026-01-31T12:00:00 --out s3://bucket/run/0.parquet": (
        METER
    ),
    "gateway bench merge s3://bucket/run/{0,1,2,3}.parquet": METER,
    "gateway experiment traffic cheaper-model --users 300": TUTORIAL,
    "gateway experiment promote cheaper-model candidate": "tests/lib/experiments/test_ending.py",
    "gateway experiment watch cheaper-model --every 60": "tests/lib/experiments",
    "gateway users apply config/roster.example.yaml --verify": ROSTERS,
    "gateway users verify config/roster.example.yaml": ROSTERS,
    "gateway guardrails run -g bedrock-guard --max-leaks 10 --max-false-alarms 5": TUTORIAL,
    "gateway guardrails probe": "tests/stack/guardrails/test_probes.py",
    'gateway guardrails probe -g bedrock-guard --id ff6ujrregl1q --blocked "a text that it blocks" --withheld ""': (
        "tests/stack/guardrails/test_probes.py"
    ),
    "copilot svc status --name gateway": AWS,
    "copilot svc logs --name gateway --since 15m": AWS,
    "copilot svc logs --name gateway --since 15m --container litellm": AWS,
    "DOMAIN_NAME=gateway.example.com": "a line of .env",
    "CERTIFICATE_ARN=arn:aws:acm:us-east-1:111122223333:certificate/...": "a line of .env",
    'MIDDLEWARE_MODEL_LIMITS=\'{"gpt-4o": 50, "*": 200}\'': "tests/middleware/admission",
    "gateway guardrails compare RUN --from bedrock-guard --to bedrock-guard-next": "tests/lib/guardrails",
}

ALSO_IN = {  # pages whose commands are run where another page has them too
    "docs/experiments.md": TUTORIAL,
}

SMALLER = {  # in the usual run; `make faults` runs the tutorial to the letter
    "load.requests=120": "load.requests=24",
    "--users 150 --calls 3": "--users 12 --calls 1",
    "-n 12": "-n 2",
}

SUBSTITUTED = {  # what stands for something of the reader's own
    "gateway lint some.yaml": "gateway lint config/some.yaml",
}

BEFORE = {
    "docs/runbooks.md": "MIDDLEWARE_METRICS_KEY=$GATEWAY_MASTER_KEY",
    "docs/configuration.md": "echo 'extends: default-config.yaml' >config/some.yaml",
    "docs/validate.md": (
        "export DOMAIN_NAME=gateway.example.com"
        " CERTIFICATE_ARN=arn:aws:acm:us-east-1:111122223333:certificate/12345678-1234-1234-1234-123456789012"
    ),
    "docs/identity.md": """TOKEN=$(curl -s "$GATEWAY_SIMULATOR_URL/oidc/mint" -d '{"claims": {"sub": "first@example.com"}}' | jq -r .access_token)""",
}

ACCEPTED = {  # statuses other than 0 that say what the page says they do
    "gateway users plan config/roster.example.yaml": 3,
}

SAID = {  # what has to be in a page's output
    "README.md": ["45", "Ada", "the requirement locks"],
    "docs/tutorial.md": [
        "ready to serve", "45", "inputTokens", "Ada", "create 1 user and 1 key", "1 key delivered", "as expected",
        "Lisbon", "user_model_access_denied", "meter", "report: ", "bench_quick", "units of all arms", "Cannot tell yet",
        "stopped by hand", "leaked",
    ],
    "docs/budgets.md": ["new_user@example.com", '"key":"sk-'],
    "docs/configuration.md": ["the requirement locks", "config/some.yaml"],
    "docs/how-to/guardrails.md": ["unknown_guardrail"],
    "docs/identity.md": ['"key":"sk-', "first@example.com"],
    "docs/priority.md": ["45"],
    "docs/runbooks.md": ['"litellm_database"', "# TYPE middleware_"],
    "docs/validate.md": ['"errors": 0'],
}  # fmt: skip
