"""One slot of a session as the entries of a capture: arrays by field name."""

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hil.bus.messages import Link
from hil.config import RunConfig
from hil.dataset.layout import Field, fields_of
from hil.decoding.true_snr import together_db, true_snrs_db
from hil.results.session_recording import slot_facts, user_facts
from hil.session.slot import Slot
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.reception.frame import ReceivedUser

Entries = dict[str, np.ndarray | dict[int, np.ndarray]]  # of ragged fields by user; of slots/facts the array itself


@dataclass
class SlotContents:
    """`of` a slot. Entries that are not known have the field's `missing` value, ragged ones no values."""

    config: RunConfig
    parts: tuple[str, ...]
    fields: tuple[Field, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.fields = fields_of(self.parts)
        self._grid = ResourceGrid(self.config.waveform)

    def sizes(self, slot_samples: int) -> dict[str, int]:
        """Lengths of the dimensions that all slots have alike."""
        config = self.config
        return {
            "users": config.users,
            "antennas": config.rx_antennas,
            "subcarriers": config.waveform.active_subcarriers,
            "samples": slot_samples,
        }

    def of(self, slot: Slot) -> Entries:
        """Entries of all fields."""
        sizes = self.sizes(slot.start.slot_samples)
        made: Entries = {
            one.name: {} if one.ragged else np.full(one.fixed_shape(sizes), one.missing, one.dtype)
            for one in self.fields
        }
        made |= self._slot(slot)
        if "iq" in self.parts and slot.samples is not None:
            made["iq/samples"] = slot.samples.data
        if "csi" in self.parts:
            self._csi(slot, made)
        if "truth" in self.parts:
            self._truth(slot, made)
        return made

    def _slot(self, slot: Slot) -> Entries:
        truth, frame = "truth" in self.parts, slot.grant.frame
        facts = [slot_facts(slot), *(user_facts(slot, user, truth) for user in sorted(slot.sent))]
        numbers = {
            "slots/slot": slot.grant.slot,
            "slots/frame": -1 if frame is None else frame,
            "slots/slot_tick": slot.grant.slot_tick,
            "slots/burst_tick": slot.burst_tick,
            "slots/start_tick": _origin(slot),
        }
        text = np.frombuffer(json.dumps(facts).encode(), np.uint8)
        return {**{name: np.array(value) for name, value in numbers.items()}, "slots/facts": text}

    def _csi(self, slot: Slot, made: Entries) -> None:
        frame = slot.received
        if frame is None:
            return
        made["csi/snr_db"], made["csi/noise_power"] = np.array(frame.snr_db), np.array(frame.noise_power)
        for one in frame.users:
            if one.user >= self.config.users:
                continue
            _put(made, one.user, {"csi/detected": one.detected, "csi/header_read": one.header_read})
            if one.features.size:
                _put_ragged(made, one.user, {"csi/symbols": one.features})
            if one.detected:
                _put(made, one.user, _measured(one, slot, frame.start_tick))

    def _truth(self, slot: Slot, made: Entries) -> None:
        each_db = true_snrs_db(self.config, slot)
        if slot.links:
            made["truth/snr_db"] = np.array(together_db(each_db))
            made["truth/noise_power"] = np.array(next(iter(slot.links.values())).noise_power)
        for user, link in slot.links.items():
            corrected_hz = slot.sent[user].precorrection_hz if user in slot.sent else 0.0
            gains = np.array(link.tap_gains) @ [1, 1j]
            _put(made, user, {
                "truth/channel": self._channel(slot, link, corrected_hz, made),
                "truth/user_snr_db": each_db[user],
                "truth/cfo_hz": link.cfo_hz - corrected_hz,
                "truth/clock_ppm": link.clock_ppm,
                "truth/delay_samples": link.burst_start_tick - slot.burst_tick + link.delay_samples,
                "truth/burst_start_tick": link.burst_start_tick,
            })  # fmt: skip
            taps = {"truth/tap_delays_samples": np.array(link.tap_delays_samples), "truth/tap_gains": gains.ravel()}
            _put_ragged(made, user, taps)
        for user, sent in slot.sent.items():
            _put(made, user, {"truth/precorrection_hz": sent.precorrection_hz})
            if sent.frame is None:
                continue
            values = {"truth/picture": sent.picture, "truth/height": sent.height, "truth/width": sent.width}
            _put(made, user, values)
            original = slot.originals[user].ravel()
            name = np.frombuffer(sent.image_id.encode("utf-8", "surrogateescape"), np.uint8)
            kind = "truth/items" if sent.form else "truth/pictures"
            _put_ragged(made, user, {"truth/image_id": name, "truth/symbols": slot.symbols[user], kind: original})

    def _channel(self, slot: Slot, link: Link, corrected_hz: float, made: Entries) -> np.ndarray:
        """complex [antennas, active]: of the simulated link as an estimate of it is meant (see `ChannelEstimate`)."""
        rate_hz, f_hz = self.config.sample_rate_hz, self._grid.frequencies_hz
        measured = _measured_tick(slot, link.user)
        elapsed = 0 if measured is None else measured - link.burst_start_tick
        early = (_origin(slot) - link.burst_start_tick) / rate_hz
        gains = np.array(link.tap_gains) @ [1, 1j]
        delays = np.array(link.tap_delays_samples) - elapsed * link.clock_ppm * 1e-6
        response = gains @ np.exp(-2j * np.pi * np.outer(delays, f_hz) / rate_hz)
        turned = np.exp(2j * np.pi * ((link.cfo_hz - corrected_hz) * elapsed / rate_hz + f_hz * early))
        return np.asarray(response * turned * (self.config.radio.tx_amplitude * float(self._grid.amplitude)))


def _origin(slot: Slot) -> int:
    return slot.burst_tick if slot.received is None else slot.received.start_tick


def _measured_tick(slot: Slot, user: int) -> int | None:
    found = [one.channel for one in slot.received.users if one.user == user] if slot.received else []
    return found[0].measured_tick if found and found[0] is not None else None


def _measured(one: ReceivedUser, slot: Slot, start_tick: int) -> dict[str, Any]:
    values: dict[str, Any] = {
        "csi/cfo_hz": one.cfo_hz,
        "csi/delay_samples": start_tick + one.delay_samples - slot.burst_tick,
        "csi/clock_ppm": one.clock_ppm,
        "csi/doppler_hz": one.doppler_hz,
        "csi/user_snr_db": one.snr_db,
    }
    if one.channel is not None:
        values["csi/channel"] = one.channel.values
        values["csi/error_variance"] = one.channel.error_variance
        values["csi/measured_tick"] = one.channel.measured_tick
    if one.quality is not None:
        values["csi/separated_sinr_db"] = one.quality.separated_sinr_db
    return values


def _put(made: Entries, user: int, values: dict[str, Any]) -> None:
    for name, value in values.items():
        entry = made[name]
        assert isinstance(entry, np.ndarray)
        entry[user] = value


def _put_ragged(made: Entries, user: int, values: dict[str, np.ndarray]) -> None:
    for name, value in values.items():
        entry = made[name]
        assert isinstance(entry, dict)
        entry[user] = value
