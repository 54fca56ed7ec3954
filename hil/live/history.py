"""A bounded list that remembers how many entries it ever had, so that a viewer can ask for what is new."""

from collections import deque
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")


class History(Generic[T]):
    """The newest `most` entries. total: how many there ever were."""

    def __init__(self, most: int) -> None:
        self._entries: deque[T] = deque()
        self._most = most
        self.total = 0

    def append(self, entry: T) -> list[T]:
        """Add one; returns what had to make room for it."""
        self._entries.append(entry)
        self.total += 1
        return [self._entries.popleft()] if len(self._entries) > self._most else []

    def since(self, total: int) -> list[T]:
        """The entries kept that came after the first `total`."""
        new = min(len(self._entries), max(0, self.total - total))
        return list(islice(self._entries, len(self._entries) - new, None))
