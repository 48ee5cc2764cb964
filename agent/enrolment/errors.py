"""What keeps a gateway from its certificate."""

from __future__ import annotations


class EnrolmentFailed(Exception):
    """The message says what happened and, behind a semicolon, what to do next."""


class StillPending(EnrolmentFailed):
    """The server has taken the request, and a person there must approve it first."""
