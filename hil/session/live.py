"""Users whose pictures come by themselves: who is through, and how far the radio may run ahead of the decoder."""

from collections.abc import Iterable

from hil.bus.messages import Hello, Sent

MAX_UNDECODED = 2  # a frame in decoding and one on its way: what waits grows old, and is better dropped at its source


class LiveUsers:
    """hellos: those of the transmitters that began the run."""

    def __init__(self, hellos: Iterable[Hello] = ()) -> None:
        self._live = {hello.user for hello in hellos if hello.live}
        self._ended: set[int] = set()

    def note(self, sent: Sent) -> str | None:
        """A transmitter's word; what is to be told of it, when its user's pictures have come to their end."""
        if sent.ended is None or sent.user in self._ended:
            return None
        self._ended.add(sent.user)
        return f"user {sent.user} sends no more pictures: {sent.ended}"

    def over(self, users: int, lost_users: set[int]) -> bool:
        """Whether nobody is left who could send a picture."""
        return bool(self._ended) and self._ended | lost_users >= set(range(users))

    def undecoded(self, otherwise: int) -> int:
        """How many frames may wait for their decoding."""
        return MAX_UNDECODED if self._live else otherwise
