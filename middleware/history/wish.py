"""What a caller wants of the history: to continue a session, to have one kept, or to have nothing kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from middleware.history.errors import HistoryRefused

Mode = Literal["always", "opt_in", "off"]


@dataclass(frozen=True, slots=True)
class Wish:
    """`session_id` and `enable_history` of a request; None where it says nothing."""

    session_id: str | None = None
    enable: bool | None = None

    @classmethod
    def taken_from(cls, fields: dict[str, Any]) -> Wish:
        """The wish in `fields`, which lose it: no provider knows these names. Null says nothing.

        Raises:
            HistoryRefused: they are not of their types.
        """
        session_id = fields.pop("session_id", None)
        enable = fields.pop("enable_history", None)
        if session_id is not None and not isinstance(session_id, str):
            raise HistoryRefused("session_id must be a string.")
        if enable is not None and not isinstance(enable, bool):
            raise HistoryRefused("enable_history must be true or false.")
        return cls(session_id, enable)

    def is_granted(self, mode: Mode) -> bool:
        """Whether the turn is to be kept.

        Raises:
            HistoryRefused: the wish contradicts itself, or the gateway keeps nothing.
        """
        if self.session_id is not None and self.enable is False:
            raise HistoryRefused(
                "session_id continues a conversation that is kept; without history there is none to continue."
            )
        wanted = self.enable or self.session_id is not None
        if mode == "off" and wanted:
            raise HistoryRefused("This gateway keeps no history.")
        return bool(wanted) or (mode == "always" and self.enable is not False)
