"""Compiling ahead of time what the first run would otherwise wait for; numba keeps it on disk."""

from collections.abc import Callable, Iterator

from radio import acceleration
from radio.air.config import AirConfig
from radio.air.medium import Medium
from radio.waveform.config import WaveformConfig
from radio.waveform.reception.receiver import BurstReceiver


def steps() -> Iterator[tuple[str, Callable[[], object]]]:
    """(what is compiled, the call that does it); nothing where numba is absent. The calls may run in any order."""
    if not acceleration.NUMBA:
        return
    yield "simulated air", lambda: Medium(AirConfig()).warm_up()
    for users in (1, 2):
        yield f"receiver, {users} user{'s' * (users > 1)}", BurstReceiver(WaveformConfig(users=users)).warm_up
