"""What can go wrong with the demonstration itself."""

from __future__ import annotations


class DemonstrationFailed(Exception):
    """It cannot go on; the message says why and what to do."""
