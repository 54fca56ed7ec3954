"""Opens the radios of a bench from their URIs; a bare `sim` is a simulated air of the command's own."""

import contextlib
from collections.abc import Iterator, Sequence

from calibration.lab.bench import Bench
from calibration.lab.procedure import PROBE_SYMBOLS
from calibration.lab.repeating_bench import RepeatingBench, keeps_own_time
from calibration.store.record import Device
from hil.calibrating.apply import OWN_AIR_SERIAL, device_of
from hil.config import RunConfig
from hil.errors import UsageError
from radio.air.serving.server import AirServer
from radio.device import Radio, RadioSettings
from radio.safety.guard import TransmitGuard
from radio.safety.open import open_radio

OWN_AIR = "sim"


@contextlib.contextmanager
def bench(config: RunConfig, uris: Sequence[str]) -> Iterator[tuple[Bench, Device, list[Device]]]:
    """One URI for all radios, or the receiver's and then every transmitter's. Closes what it has opened.

    Raises UsageError for another number of URIs, and DeviceError or CalibrationError for radios that cannot serve.
    """
    names = radio_uris(config.users, uris)
    settings = RadioSettings(
        config.sample_rate_hz,
        config.center_frequency_hz,
        config.radio.tx_gain_db,
        config.radio.rx_gain_db,
        config.radio.bandwidth_hz,
    )
    with contextlib.ExitStack() as stack:
        if OWN_AIR in names:
            server = AirServer(config.air, "tcp://127.0.0.1:*", expected_users=config.users)
            stack.callback(server.close)
            server.serve_in_thread()
            opened = [f"sim:{server.endpoint}" if name == OWN_AIR else name for name in names]
        else:
            opened = names
        radios: list[Radio] = []
        for place, uri in enumerate(opened):
            role, user = ("tx", place - 1) if place else ("rx", 0)
            guard = TransmitGuard(config.guard)
            radio = open_radio(uri, role="tx" if role == "tx" else "rx", index=user, guard=guard)
            stack.callback(radio.close)
            radio.configure(settings)
            radios.append(radio)
        if keeps_own_time(radios[0], radios[1:]):
            found: Bench = RepeatingBench(
                config.waveform, radios[0], radios[1:], settings, config.radio.tx_amplitude, config.radio.settle_s,
                PROBE_SYMBOLS,
            )  # fmt: skip
        else:
            found = _timed(config, opened, radios, settings)
        serials = [OWN_AIR_SERIAL if name == OWN_AIR else radio.uri for name, radio in zip(names, radios, strict=True)]
        hardware = [getattr(radio, "hardware", None) for radio in radios]
        transmitters = [
            device_of(config, serial, "tx", user, told)
            for user, (serial, told) in enumerate(zip(serials[1:], hardware[1:], strict=True))
        ]
        yield found, device_of(config, serials[0], "rx", 0, hardware[0]), transmitters


def _timed(config: RunConfig, opened: Sequence[str], radios: Sequence[Radio], settings: RadioSettings) -> Bench:
    lead_s = 0.0 if all(uri.startswith("sim:") for uri in opened) else config.radio.lead_s
    return Bench(config.waveform, radios[0], radios[1:], settings, config.radio.tx_amplitude, lead_s)


def radio_uris(users: int, uris: Sequence[str]) -> list[str]:
    """The receiver's and the transmitters' URIs, 1 + users of them."""
    if len(uris) == 1:
        return [uris[0]] * (1 + users)
    if len(uris) != 1 + users:
        raise UsageError(
            f"{len(uris)} times --device does not fit {users} users: give one for all radios, or the receiver's and "
            f"then {users} transmitters'."
        )
    return list(uris)
