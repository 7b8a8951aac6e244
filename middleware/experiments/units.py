"""What stays with its arm: the end user, the conversation, the key, or nothing."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID, uuid4

from middleware.auth import Identity
from middleware.experiments.calls import Called
from middleware.experiments.definition import Audience
from middleware.experiments.definition import Unit as Kind
from middleware.experiments.errors import UnitUnknown
from middleware.history.conversations import Conversations, parsed

_MOST_CHARACTERS = 1000


class Unit(NamedTuple):
    """A unit of assignment by its own name, which is never written down."""

    identifier: str
    opening: UUID | None = None
    """The id that a conversation is to have, where the call opens one."""


async def unit_of(
    kind: Kind, call: Called, identity: Identity, conversations: Conversations
) -> Unit:
    """The unit of a call.

    Raises:
        UnitUnknown: the call does not say.
        SessionNotFound: it names a conversation that is not its caller's.
        HistoryRefused, DatabaseUnavailable
    """
    match kind:
        case "user":
            return Unit(_user(call, identity))
        case "session":
            return await _session(call, identity, conversations)
        case "key":
            return Unit(identity.key_hash)
        case "request":
            return Unit(call.scope["state"]["exchange"].request_id)


def is_of(audience: Audience, identity: Identity) -> bool:
    """Whether a caller's calls are in an experiment for this audience."""
    return (not audience.users or identity.user_id in audience.users) and (
        not audience.teams or identity.team_id in audience.teams
    )


def _user(call: Called, identity: Identity) -> str:
    named = call.end_user
    if named is None or named == "":
        if identity.user_id is None:
            raise UnitUnknown(
                "This experiment is by user: name the end user (OpenAI: user, Bedrock: requestMetadata.user) "
                "or use a key that belongs to a user."
            )
        return identity.user_id
    if not isinstance(named, str) or len(named) > _MOST_CHARACTERS:
        raise UnitUnknown(f"The end user must be a text of at most {_MOST_CHARACTERS} characters.")
    return named


async def _session(call: Called, identity: Identity, conversations: Conversations) -> Unit:
    if not conversations.keeps(call.wish):
        raise UnitUnknown(
            "This experiment is by conversation, and this call is kept in none: send enable_history: true "
            "or a session_id, on a gateway that keeps history."
        )
    if call.wish.session_id is None:
        opening = uuid4()
        return Unit(str(opening), opening)
    session = parsed(call.wish.session_id)
    await conversations.check(identity, session)
    return Unit(str(session))
