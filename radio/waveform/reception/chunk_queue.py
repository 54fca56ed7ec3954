"""Between a radio's thread, which must never wait, and a receiver's, which may fall behind."""

import threading
from collections import deque

from radio.samples import Samples


class ChunkQueue:
    """Holds at most memory_samples; a chunk for which there is no room is dropped and counted.

    Who takes the chunks sees the gap in their ticks; `StreamReceiver` makes an overflow event of it.
    """

    def __init__(self, memory_samples: int) -> None:
        self._memory = memory_samples
        self._chunks: deque[Samples] = deque()
        self._held = 0
        self._closed = False
        self._changed = threading.Condition()
        self.dropped_samples = 0

    def put(self, chunk: Samples) -> bool:
        """Append without waiting; False when it was dropped."""
        with self._changed:
            if self._closed or self._held + chunk.n_samples > self._memory:
                self.dropped_samples += chunk.n_samples
                return False
            self._chunks.append(chunk)
            self._held += chunk.n_samples
            self._changed.notify()
            return True

    def get(self, timeout_s: float | None = None) -> Samples | None:
        """The oldest chunk; None after timeout_s, or when the queue is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._chunks or self._closed, timeout_s)
            if not self._chunks:
                return None
            chunk = self._chunks.popleft()
            self._held -= chunk.n_samples
            return chunk

    def close(self) -> None:
        """Nothing more is taken in; what is held can still be taken out."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
