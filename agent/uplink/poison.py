"""Finds the message that makes the broker hang up: MQTT 3.1.1 has no other way to refuse one."""

from __future__ import annotations

from math import inf

DEATHS = 3
"""Connections in a row that must die of the same message before it is given up."""


class Poison:
    """Fed with what happened, it says how many messages may be in flight and which is to be given up. Pure.

    From the first hang-up on the suspect travels alone, so that no other can be blamed. A second message is
    given up only after one got through: a broker that takes nothing at all is not the messages' fault.
    """

    def __init__(self) -> None:
        self.suspect = ""
        self._deaths = 0
        self._something_passed = True

    @property
    def window(self) -> float:
        """Messages that may be in flight at once, for this reason."""
        return 1 if self.suspect else inf

    def passed(self, key: str) -> None:
        """The broker has acknowledged the message."""
        self._something_passed = True
        if key == self.suspect:
            self.suspect = ""

    def hung_up(self, key: str, *, answered: bool) -> bool:
        """The broker hung up while this was the oldest message in flight: whether it is to be given up.

        Where the broker had not `answered` anything on that connection, the line may be to blame.
        """
        if key != self.suspect:
            self.suspect, self._deaths = key, 0
        self._deaths += answered
        if self._deaths < DEATHS or not self._something_passed:
            return False
        self.suspect = ""
        self._something_passed = False
        return True
