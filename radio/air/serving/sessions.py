"""The radios that are attached to the air's server. Wall times are monotonic seconds, given by the caller."""

from dataclasses import dataclass

HEARTBEAT_S = 0.5
PRESUMED_DEAD_S = 3.0  # six heartbeats: a busy machine misses one or two
_REPLACEABLE_S = 1.5
_FORGOTTEN_S = 60.0
_MOST_SESSIONS = 256


@dataclass
class Session:
    """A radio. address: ZeroMQ routing id. present: counted as living. dropped: by order, not revived."""

    name: str
    role: str
    index: int
    address: bytes
    heard_s: float
    tx_gain_db: float = 0.0
    present: bool = True
    dropped: bool = False

    @property
    def transmits(self) -> bool:
        return self.role == "tx"


class Sessions:
    """Sessions by name; a user has at most one living transmitter."""

    def __init__(self) -> None:
        self._by_name: dict[str, Session] = {}

    def add(self, session: Session) -> str | None:
        """Take a session in; or, in a sentence, why there is no place for it now."""
        if len(self._by_name) >= _MOST_SESSIONS:
            return f"{_MOST_SESSIONS} radios are on this air; it takes no more."
        for rival in self.of_user(session.index) if session.transmits else []:
            if rival.present and session.heard_s - rival.heard_s < _REPLACEABLE_S:
                return f"Transmitter {session.index} of this air is already open in another process."
            del self._by_name[rival.name]
        self._by_name[session.name] = session
        return None

    def get(self, name: str) -> Session | None:
        return self._by_name.get(name)

    def remove(self, name: str) -> None:
        self._by_name.pop(name, None)

    def of_user(self, user: int) -> list[Session]:
        """The user's transmitters: at most one is living."""
        return [s for s in self._by_name.values() if s.transmits and s.index == user]

    def newly_dead(self, wall_s: float) -> list[Session]:
        """Sessions that have just fallen silent for too long; very old ones are forgotten."""
        for name in [n for n, s in self._by_name.items() if wall_s - s.heard_s > _FORGOTTEN_S]:
            del self._by_name[name]
        dead = [s for s in self._by_name.values() if s.present and wall_s - s.heard_s > PRESUMED_DEAD_S]
        for session in dead:
            session.present = False
        return dead
