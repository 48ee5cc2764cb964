"""Which faults have lasted: seen in enough of the last pictures."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

from pipelines.state import State
from pipelines.vision.quality.faults import PictureFault


class Persistence:
    """A fault opens once `need` of the last `of` pictures show it, and closes once `need` do not.

    Where pictures show now this fault and now that, and `need` of them show any, the commonest opens.
    """

    __slots__ = ("_any", "_last", "_need", "_of", "open")

    def __init__(self, need: int, of: int) -> None:
        self._need, self._of = need, of
        self._last: dict[PictureFault, deque[bool]] = {}
        self._any: deque[bool] = deque(maxlen=of)
        self.open: tuple[PictureFault, ...] = ()

    def feed(self, found: Collection[PictureFault]) -> tuple[PictureFault, ...]:
        """What is open after a picture that shows these."""
        for fault in found:
            self._last.setdefault(fault, deque(maxlen=self._of))
        for fault, last in list(self._last.items()):
            last.append(fault in found)
            if not any(last) and fault not in self.open:
                del self._last[fault]
        self._any.append(bool(found))
        self.open = tuple(fault for fault in PictureFault if self._stands(fault))
        if not self.open and sum(self._any) >= self._need:
            self.open = (max(self._last, key=lambda fault: sum(self._last[fault])),)
        return self.open

    def _stands(self, fault: PictureFault) -> bool:
        last = self._last.get(fault, ())
        shown = sum(last)
        return len(last) - shown < self._need if fault in self.open else shown >= self._need

    def state(self) -> State:
        return {
            "last": {str(fault): list(last) for fault, last in self._last.items()},
            "any": list(self._any),
            "open": [str(fault) for fault in self.open],
        }

    def restore(self, state: State) -> None:
        self._last = {
            PictureFault(fault): deque((bool(each) for each in last), maxlen=self._of)
            for fault, last in state["last"].items()
        }
        self._any = deque((bool(each) for each in state["any"]), maxlen=self._of)
        self.open = tuple(PictureFault(fault) for fault in state["open"])
