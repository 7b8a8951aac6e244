"""Deploying to this machine: the same flow, and what it starts is the local stack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway_lib import config, local
from gateway_lib.deploy import cost
from gateway_lib.deploy.check import Check, failed, ok
from gateway_lib.deploy.deployment import Outcome, Prepared, Report, checked_files, silent
from gateway_lib.deploy.plan import Step
from gateway_lib.deploy.prices import read_prices
from gateway_lib.deploy.proof import MODEL, Proof
from gateway_lib.deploy.site import Site
from gateway_lib.errors import GatewayError, StackError
from gateway_lib.local.client import RunningStack, find
from gateway_lib.settings import settings_of

_AS_IF = {
    "DOMAIN_NAME": "gateway.example.com",
    "CERTIFICATE_ARN": "arn:aws:acm:us-east-1:123456789012:certificate/"
    "00000000-0000-0000-0000-000000000000",
}

_NO_KEY = "provider/key-not-set"
"""A warning that is for AWS only: here every provider is the simulator, which takes any key."""


@dataclass(frozen=True)
class LocalDeployment:
    """The local stack of a state folder: one that runs is left as it is, else one is started, and left up.

    Attributes:
        site: The local target.
        report: Takes a line for people at a time.
        model: What the proof calls.
        cfn_lint: Whether validate runs cfn-lint too, which takes seconds.
        state: The stack's folder; by default `GATEWAY_STATE_DIR`, else `.gateway` here.
    """

    site: Site
    report: Report = silent
    model: str = MODEL
    state: Path | None = None
    cfn_lint: bool = True

    def prepare(self) -> Prepared:
        """Look at everything, and start nothing."""
        folder = local.State(self.state)
        running = self._running(folder)
        # nothing of the tree is deployed here: it is checked as it would be, had it a domain
        lint, tree = checked_files(self.site, _AS_IF, cfn_lint=self.cfn_lint)
        lint = [finding for finding in lint if finding.rule != _NO_KEY]
        up = f"{running.base_url} is up" if running else "starts it, and leaves it running"
        step = Step(
            "start the local stack",
            "PostgreSQL, Redis, LiteLLM, the middleware, a model simulator; on this machine, for nothing",
            runs=running is None,
            why=up,
            shown="gateway up --detach",
        )
        return Prepared(
            site=self.site,
            checks=tuple(self._checks(folder, running)),
            lint=tuple(lint),
            tree=tuple(tree),
            estimate=cost.estimate(self.site, read_prices(self.site.root)),
            steps=(step,),
        )

    def apply(self, prepared: Prepared, *, prove: bool = True) -> Outcome:
        """Start the stack where none runs, and prove that it works.

        Raises:
            PreflightFailed: Something that it needs is missing; nothing was done.
            TreeInvalid: The configuration has faults; nothing was done.
            StackError: The stack does not start.
        """
        prepared.refuse()
        folder = local.State(self.state)
        running = self._running(folder)
        ran: tuple[str, ...] = ()
        if running is None:
            running = local.start_detached(folder, report=self.report)
            ran = ("start the local stack",)
        self.report(f"the gateway is at {running.base_url}; stop it with: gateway down")
        proof = self._prove(running) if prove else []
        return Outcome(ran, running.base_url, {"url": running.base_url}, tuple(proof))

    def _checks(self, folder: local.State, running: RunningStack | None) -> list[Check]:
        if running:
            return [ok("local stack", f"one is up at {running.base_url}")]
        return [
            ok("local stack", "none is up"),
            _tried(
                "state folder", folder.create, str(folder.path), "name another one with --state"
            ),
            _tried(
                "Redis", _redis, "a server is there", "run `make setup`, or install redis-server"
            ),
            _tried("Node.js", _node, "18 or newer", "run `make setup`, or install Node.js"),
        ]

    def _running(self, folder: local.State) -> RunningStack | None:
        if not folder.path.exists():
            return None
        try:
            return find(folder)
        except StackError:
            return None

    def _prove(self, running: RunningStack) -> list[Check]:
        known = {**running.environment, "GATEWAY_CA_BUNDLE": running.environment["AWS_CA_BUNDLE"]}
        committed = config.digest(config.load_local())
        proof = Proof(settings_of(known), committed, self.model, wait_s=5)
        return proof.run(lambda check: self.report(f"{check.state}: {check}"))


def _redis() -> None:
    from gateway_lib.local.redis import server

    server()


def _node() -> None:
    from gateway_lib.local.prisma.node import find as find_node

    find_node()


def _tried(name: str, try_it: Callable[[], object], found: str, mend: str) -> Check:
    try:
        try_it()
    except GatewayError as error:
        return failed(name, str(error), mend)
    return ok(name, found)
