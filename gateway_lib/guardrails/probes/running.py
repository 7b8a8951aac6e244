"""Runs the probes, one after the other: some of them break what the others need."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing

from gateway_lib.errors import ChecksUnusable
from gateway_lib.guardrails.probes import configuration, names, places, services
from gateway_lib.guardrails.probes.asking import Asker, Probed, Target
from gateway_lib.settings import Settings
from gateway_lib.settings import settings as process_settings

Probe = Callable[[Asker], Probed]
PROBES: dict[str, Probe] = {
    probe.__name__: probe
    for probe in (
        names.unknown_name,
        names.unknown_config,
        names.malformed_names,
        names.disabled_in_request,
        names.disabled_per_key,
        names.replaced_config,
        configuration.fallback,
        configuration.second_deployment,
        places.history,
        places.managed_prompt,
        places.system_text,
        places.tool_result,
        places.tool_arguments,
        places.document,
        places.encoded,
        places.other_paths,
        places.cached_answer,
        services.streamed,
        services.streamed_async,
        services.service_down,
        services.service_throttled,
        services.service_slow,
    )
}


def probe(
    target: Target | None = None,
    settings: Settings | None = None,
    *,
    only: Iterable[str] = (),
    progress: Callable[[Probed], None] = lambda _: None,
) -> tuple[Probed, ...]:
    """Probe a live gateway.

    Args:
        target: The guardrail and what it blocks; without one, that of the local stack.
        settings: Of the gateway; those of the process when not given.
        only: Names of `PROBES`; all when none is given.
        progress: Told of each finding.

    Raises:
        ChecksUnusable: The guardrail does not block what it is said to block, or a probe is unknown.
        SettingsError: No gateway or no key is known.
    """
    wanted = list(only) or list(PROBES)
    if unknown := set(wanted) - PROBES.keys():
        raise ChecksUnusable(f"no probe is called {min(unknown)}; there are {', '.join(PROBES)}")
    ask = Asker(target or Target(), settings or process_settings())
    found = []
    with closing(ask.http):
        if ask.chat(**ask.named).has_passed:
            raise ChecksUnusable(
                f"{ask.target.guardrail} does not block the text that it is to be probed with"
            )
        for name in wanted:
            one = PROBES[name](ask)
            found.append(Probed(one.probe, one.state, one.evidence, _about(name)))
            progress(found[-1])
    return tuple(found)


def _about(name: str) -> str:
    return (PROBES[name].__doc__ or "").strip().rstrip(".")
