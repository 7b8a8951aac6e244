"""Probes of what a call says: names that nobody has, and flags by which it would go without."""

from __future__ import annotations

from gateway_lib.guardrails.probes.asking import CLOSED, OPEN, UNTRIED, Asker, Probed, judged

_PER_KEY = (
    {"disable_global_guardrails": True},
    {"metadata": {"disable_global_guardrails": True}},
    {"metadata": {"opted_out_global_guardrails": ["any"]}},
)


def unknown_name(ask: Asker) -> Probed:
    """A guardrail that does not exist is named."""
    names = [f"no-such-{ask.nonce}"]
    return judged(
        "unknown_name",
        ask.chat(guardrails=names),
        ask.post(
            "/v1/responses", {"model": ask.target.model, "input": ask.text, "guardrails": names}
        ),
    )


def unknown_config(ask: Asker) -> Probed:
    """A guardrail of Bedrock's that does not exist is named, on both interfaces."""
    config = {**ask.config, "guardrailIdentifier": f"nosuch{ask.nonce}"}
    return judged(
        "unknown_config",
        ask.chat(guardrailConfig=config),
        ask.converse(model=ask.target.model, guardrailConfig=config),
        ask.converse(guardrailConfig=config),
    )


def malformed_names(ask: Asker) -> Probed:
    """A name stands where there should be a list of them."""
    name = ask.target.guardrail
    return judged("malformed_names", ask.chat(guardrails=name), ask.chat(guardrails=[[name]]))


def disabled_in_request(ask: Asker) -> Probed:
    """A call names the guardrail and says that it shall not work."""
    flags = (
        {"disable_global_guardrails": True},
        {"opted_out_global_guardrails": [ask.target.guardrail]},
    )
    answers = [ask.chat(**ask.named, **flag) for flag in flags]
    answers += [ask.chat(**ask.named, metadata=flag) for flag in flags]
    answers += [
        ask.chat(**ask.named, metadata={"guardrails": []}, litellm_metadata={"guardrails": []})
    ]
    return judged("disabled_in_request", *answers)


def disabled_per_key(ask: Asker) -> Probed:
    """A user makes himself a key that goes without; or somebody has one."""
    name = "disabled_per_key"
    for flags in _PER_KEY:
        made = ask.post("/key/generate", flags)
        if made.status == 200 and isinstance(made.body, dict):
            ask.post("/key/delete", {"keys": [made.body.get("key")]}, ask.master)
            return Probed(name, OPEN, "a user's own /key/generate may switch guardrails off")
    if not ask.master:
        return Probed(
            name, CLOSED, "no key can be made so; which there are only an administrator sees"
        )
    found = _keys_without(ask)
    if found:
        return Probed(
            name, OPEN, f"{found} key(s) of the gateway go without guardrails of every call"
        )
    return Probed(name, CLOSED, "no key is made so, and none can be")


def replaced_config(ask: Asker) -> Probed:
    """A call replaces the guardrail that a model has."""
    name, guarded = "replaced_config", None
    if ask.master:
        guarded = next(iter(guarded_models(ask)), None)
    if guarded is None:
        return Probed(
            name, UNTRIED, "no model has a guardrailConfig, or no administrator's key is known"
        )
    message = [{"role": "user", "content": ask.text}]
    none: dict[str, str] = {}
    answers = [ask.chat(message, model=guarded, guardrailConfig=given) for given in (None, none)]
    return judged(name, *answers)


def guarded_models(ask: Asker) -> list[str]:
    """Models with a guardrail of Bedrock's on one of their deployments."""
    listed = ask.get("/model/info", ask.master).body
    entries = listed.get("data") or [] if isinstance(listed, dict) else []
    return [e["model_name"] for e in entries if e["litellm_params"].get("guardrailConfig")]


def _keys_without(ask: Asker) -> int:
    found, page, pages = 0, 1, 1
    while page <= pages:
        answer = ask.get(f"/key/list?return_full_object=true&size=100&page={page}", ask.master).body
        answer = answer if isinstance(answer, dict) else {}
        pages = answer.get("total_pages") or 1
        for key in answer.get("keys") or ():
            metadata = key.get("metadata") if isinstance(key, dict) else None
            metadata = metadata if isinstance(metadata, dict) else {}
            if metadata.get("disable_global_guardrails") or metadata.get(
                "opted_out_global_guardrails"
            ):
                found += 1
        page += 1
    return found
