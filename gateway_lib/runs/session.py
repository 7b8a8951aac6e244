"""Which gateway a run is pointed at: the one named, the one configured, or a local stack."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gateway_lib.runs.redaction import redactor
from gateway_lib.runs.runner import Runner
from gateway_lib.settings import process_environment, settings_of


@contextmanager
def opened_runner(
    *,
    gateway: str | None,
    runs_dir: Path | None,
    progress: bool,
    report: Callable[[str], None],
) -> Iterator[Runner]:
    """A runner whose gateway is there for as long as the context lasts.

    With no gateway named or configured a local stack serves: one that runs already is used and
    left running, else one is started and stopped afterwards. Settings that `gateway env` printed for
    the local stack mean that stack, wherever it listens by now.

    Args:
        gateway: Base URL; the configured one (`GATEWAY_BASE_URL`) when not given.
        runs_dir: Where run folders go; the configured one when not given.
        progress: Whether to draw progress bars.
        report: Told in a line what is being waited for.

    Raises:
        SettingsError: A gateway is named, and no key for it is known.
        StackError: The local stack cannot be started.
    """
    from gateway_lib import local

    own = process_environment()
    if gateway is not None:
        yield _runner(pointed_at(gateway, own), runs_dir, progress)
    elif settings_of(own).base_url is not None and not local.printed_for(local.State(), own):
        yield _runner(own, runs_dir, progress)
    else:
        with local.running_stack(report=report) as stack:
            yield _runner({**own, **stack.environment}, runs_dir, progress)


def pointed_at(gateway: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with every variable of a client pointing at another gateway.

    Raises:
        SettingsError: The URL cannot be used, or no key is known.
    """
    rest = {k: v for k, v in environment.items() if k != "GATEWAY_TLS_URL"}
    target = settings_of({**rest, "GATEWAY_BASE_URL": gateway})
    url, key = target.gateway(), target.user_key()
    return {
        **rest,
        "GATEWAY_BASE_URL": url,
        "OPENAI_BASE_URL": f"{url}/v1",
        "OPENAI_API_KEY": key,
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": f"{url}/bedrock",
        "AWS_BEARER_TOKEN_BEDROCK": key,
    }


def _runner(environment: Mapping[str, str], runs_dir: Path | None, progress: bool) -> Runner:
    target = settings_of(environment)
    target.user_key()
    return Runner(
        target=target,
        environment=environment,
        runs_dir=runs_dir or target.runs_dir,
        redactor=redactor(environment, target.secrets()),
        progress=progress,
    )
