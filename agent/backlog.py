"""What waits in the outbox and what was lost, as figures for the daemon and the command line."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from buffer.envelope import Envelope
from buffer.retention import Reason
from buffer.view import OutboxStats


def figures(stats: OutboxStats, max_bytes: int | None) -> dict[str, Any]:
    """Depth against the bound, and losses since ever: readings where a message held some, else messages."""
    lost = Counter[str]()
    for loss in stats.losses:
        lost[loss.reason] += loss.lost.items or loss.lost.batches
    return {
        "batches": stats.stored.batches,
        "items": stats.stored.items,
        "bytes": stats.stored.size_bytes,
        "max_bytes": max_bytes,
        "oldest_ms": stats.oldest_at_ms,
        **{reason.value: lost[reason] for reason in Reason},
        "dead_letters": stats.dead_letters,
        "by_priority": {
            priority.name.lower(): {"batches": depth.batches, "items": depth.items, "bytes": depth.size_bytes}
            for priority, depth in stats.by_priority.items()
        },
    }


def shown(envelopes: Iterable[Envelope]) -> list[dict[str, Any]]:
    """Stored messages, bodies parsed."""
    return [
        {
            "key": envelope.key,
            "topic": envelope.topic,
            "at_ms": envelope.at_ms,
            "items": envelope.items,
            "bytes": len(envelope.body),
            "body": json.loads(envelope.body),
        }
        for envelope in envelopes
    ]
