"""Bodies of the admin API's requests, with the values that LiteLLM takes for "none"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway_lib.provisioning.live import ALL_MODELS, LiveUser
from gateway_lib.provisioning.plan import Change
from gateway_lib.provisioning.wanted import MANAGED_METADATA, PER_MODEL, Fields, WantedKey

_METADATA = "metadata."
_TEXTS = ("user_email", "user_alias")
_IN_METADATA = (*PER_MODEL, "managed_by")


def new_user(user_id: str, fields: Fields) -> dict[str, Any]:
    """Body of /user/new. Budgets per model come with the update: here LiteLLM asks for a licence."""
    plain = {
        name: value
        for name, value in fields.items()
        if not name.startswith(_METADATA) and name not in (*_IN_METADATA, "models")
    }
    del plain["model_max_budget"]
    return {
        "user_id": user_id,
        "user_role": "internal_user",
        "auto_create_key": False,
        "models": list(fields["models"]) or [ALL_MODELS],
        "metadata": _user_metadata(fields, {}),
        **{name: value for name, value in plain.items() if value is not None},
    }


def user_update(live: LiveUser, fields: Fields, changes: Sequence[Change]) -> dict[str, Any]:
    """Body of /user/update: what differs, with the values that LiteLLM takes for "none".

    It ignores a null text and an empty list, and replaces the metadata as a whole.
    """
    body: dict[str, Any] = {"user_id": live.user_id}
    for change in changes:
        if change.field.startswith(_METADATA) or change.field in _IN_METADATA:
            body["metadata"] = _user_metadata(fields, live.metadata)
        elif change.field == "models":
            body["models"] = list(change.new) or [ALL_MODELS]
        elif change.field in _TEXTS:
            body[change.field] = change.new or ""
        else:
            body[change.field] = change.new
    return body


def _user_metadata(fields: Fields, before: Mapping[str, Any]) -> dict[str, Any]:
    own = {n.removeprefix(_METADATA): v for n, v in fields.items() if n.startswith(_METADATA)}
    former = set(before.get(MANAGED_METADATA) or ()) | set(PER_MODEL)
    kept = {name: value for name, value in before.items() if name not in former}
    limits = {name: fields[name] for name in PER_MODEL if fields[name]}
    about = {"managed_by": fields["managed_by"], MANAGED_METADATA: sorted(own)}
    return {**kept, **own, **limits, **about}


def key_body(fields: Fields) -> dict[str, Any]:
    """Fields of a key but for those that are kept in its metadata."""
    return {n: v for n, v in fields.items() if n not in _IN_METADATA}


def key_metadata(wanted: WantedKey, before: Mapping[str, Any]) -> dict[str, Any]:
    ours = {*PER_MODEL, "rotated"}
    kept = {name: value for name, value in before.items() if name not in ours}
    limits = {name: wanted.fields[name] for name in PER_MODEL if wanted.fields[name]}
    once = {"rotated": True} if wanted.rotate_once else {}
    return {**kept, **limits, **once, "managed_by": wanted.fields["managed_by"]}
