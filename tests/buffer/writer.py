"""A process to be killed: puts, takes and accepts without end, telling each step as soon as it is done.

    writer.py PATH SEED BODY_BYTES [COMMITS]

Lines: `epoch E`; `try K...` before a put, `put K...` after it returned; `accept K` before the mark is made.
Each commit remembers, replaces and forgets a few states; the state `whole` names the commit's keys and the
checksum of every other state as it is then.
"""

from __future__ import annotations

import json
import random
import sys
from itertools import count
from pathlib import Path
from zlib import crc32

from buffer.envelope import Envelope, Priority
from buffer.outbox import Outbox


def body_of(key: str, length: int) -> bytes:
    """The body that belongs to the key, so that a torn or mixed-up one shows."""
    return (key.encode() * (length // len(key) + 1))[:length]


def tell(*words: str) -> None:
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


def remembering(dice: random.Random, states: dict[str, bytes], keys: list[str]) -> dict[str, bytes | None]:
    """Change `states` a little and return the change, with the state `whole` of it all."""
    changed: dict[str, bytes | None] = {}
    for _ in range(dice.randint(0, 3)):
        name = f"s{dice.randrange(6)}"
        length = dice.choice([0, 100, 3000, 3000, 9000])
        changed[name] = body_of(f"{keys[0]} {name} ", length) if dice.random() < 0.8 else None
    for name, body in changed.items():
        states.pop(name, None)
        if body is not None:
            states[name] = body
    whole = {"keys": keys, "states": {name: crc32(body) for name, body in sorted(states.items())}}
    return {**changed, "whole": json.dumps(whole).encode()}


def write(path: Path, seed: int, body_bytes: int, commits: int | None = None) -> None:
    dice = random.Random(seed)
    with Outbox.open(path, max_bytes=200_000_000) as store:
        store._connection.execute("PRAGMA wal_autocheckpoint = 40")
        tell("epoch", store.epoch)
        states = store.remembered()
        states.pop("whole", None)
        for _ in range(commits) if commits else count():
            given = []
            for _ in range(dice.randint(1, 3)):
                key = store.next_key()
                length = dice.randint(1, body_bytes)
                given.append(
                    Envelope(
                        key=key,
                        topic=f"t/{length}",
                        priority=dice.choice(list(Priority)),
                        at_ms=0,
                        settled=True,
                        items=1,
                        expires_ms=None,
                        body=body_of(key, length),
                    )
                )
            keys = [envelope.key for envelope in given]
            tell("try", *keys)
            store.put(given, now_ms=None, remember=remembering(dice, states, keys))
            tell("put", *keys)
            with store.take(dice.randint(0, 3), now_ms=None) as batch:
                for number, envelope in batch:
                    tell("accept", envelope.key)
                    batch.accept(number)


if __name__ == "__main__":
    where, *numbers = sys.argv[1:]
    write(Path(where), *map(int, numbers))
