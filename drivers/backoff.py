"""How long to wait before trying again."""

from __future__ import annotations

import random
from collections.abc import Iterator


class Backoff(Iterator[float]):
    """Seconds to wait before the next try: 1, 2, 4 ... 60, each with full jitter over its upper half."""

    def __init__(self, first_s: float = 1.0, most_s: float = 60.0) -> None:
        self.first_s = first_s
        self.most_s = most_s
        self.tries = 0

    def __next__(self) -> float:
        ceiling = min(self.first_s * 2.0**self.tries, self.most_s)
        self.tries = min(self.tries + 1, 16)
        return random.uniform(ceiling / 2, ceiling)  # noqa: S311  spreads load, guards nothing

    def reset(self) -> None:
        """It worked: start small again."""
        self.tries = 0
