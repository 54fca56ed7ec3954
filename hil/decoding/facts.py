"""What a row says of a picture before it is decoded: what was sent, what was measured, and what is true."""

import math
from typing import Any

import numpy as np

from hil.bus.messages import Grant, Sent
from hil.config import RunConfig
from hil.decoding.burst import burst_facts
from hil.decoding.payload import payload_events, payload_facts
from hil.decoding.protected import protected_facts
from hil.decoding.true_snr import together_db, true_snrs_db
from hil.results.rows import FoundTone
from hil.session.slot import Slot
from models.modality.halves import Receiving
from radio.waveform.reception.frame import ReceivedUser


def row_facts(
    config: RunConfig, slot: Slot, user: int, found: ReceivedUser | None, modality: Receiving, refined: bool
) -> dict[str, Any]:
    """The columns that do not depend on decoding. refined: whether its modality's values are."""
    sent, link, csi = slot.sent.get(user), slot.links.get(user), slot.csi
    measured = found is not None and found.detected
    expected, header = slot.burst_tick, slot.told_headers().get(user)
    true_db = true_snrs_db(config, slot)
    facts: dict[str, Any] = {
        "frame": slot.grant.frame,
        "user": user,
        "refined": refined and modality.refined,
        "modality": modality.name,
        "score_name": modality.score_name,
        "score_unit": modality.score_unit,
        "snr_db_estimated": csi.snr_db if csi else None,
        "snr_db_true": together_db(true_db),
        "user_snr_db_true": true_db.get(user),
        "latency_ms": dict(slot.latency_ms),
        # The radio's events count once a burst.
        "events": dict(slot.events) if (user, slot.place) == (0, 0) else {},
        "tones": [
            FoundTone(one.cycles * config.sample_rate_hz, 10 * math.log10(max(one.power, 1e-30))) for one in slot.tones
        ],
        **_shared(slot.grant),
        **burst_facts(config.waveform, slot),
        "seeds": {"run": config.seed, "air": config.air.seed},
    }
    if measured and found is not None and slot.received is not None:
        start = slot.received.start_tick
        facts |= {
            "cfo_hz": float(found.cfo_hz),
            "delay_samples": float(start + found.delay_samples - expected),
            "clock_ppm": float(found.clock_ppm),
            "user_snr_db": float(found.snr_db),
            "channel_gain_db": float(10 * np.log10(found.power / config.radio.tx_amplitude**2)),
            "evm_db": found.evm_db,
            "doppler_hz": float(found.doppler_hz),
            "beyond_prefix": float(found.channel.beyond_prefix) if found.channel else None,
        }
    if found is not None and found.quality is not None:
        facts |= payload_facts(found.quality)
        facts["events"] |= payload_events(found.quality)
    if found is not None and not found.header_read and slot.place == 0:
        facts["events"]["header_lost"] = 1
    beside, lost = protected_facts(slot, user)
    facts, facts["events"] = facts | beside, facts["events"] | lost
    if link is not None:
        facts["delay_true_samples"] = link.burst_start_tick - expected + link.delay_samples
        facts["cfo_true_hz"] = link.cfo_hz - (sent.precorrection_hz if sent else 0.0)
    if sent is not None:
        facts["latency_ms"] |= sent.latency_ms
        events = sent.events if slot.place == 0 else {}
        facts["events"] = {
            kind: facts["events"].get(kind, 0) + events.get(kind, 0) for kind in {*facts["events"], *events}
        }
        facts |= _told(sent)
    if header is None and found is not None:
        header = found.header  # the transmitter's word was lost; the burst's own is as good
    if header is not None:
        facts |= {
            "picture": header.picture,
            "height": header.height,
            "width": header.width,
            "channel_uses": header.n_symbols,
        }
    return facts


def _told(sent: Sent) -> dict[str, Any]:
    """The columns that only the transmitter knows."""
    return {
        "image_id": sent.image_id,
        "csi_age_s": sent.csi_age_s,
        "csi_used_slot": sent.csi_slot,
        "precorrection_hz": sent.precorrection_hz,
        "advance_ticks": sent.advance_ticks,
        "gain_db": sent.gain_db,
        "loops": sent.loops,
        "papr_db": sent.papr_db,
    }


def _shared(grant: Grant) -> dict[str, Any]:
    """The columns about how users shared their symbols, where a codec leaves it open."""
    if grant.sharing is None:
        return {}
    shared = grant.sharing
    return {
        "sharing": shared.form,
        "sharing_reason": shared.reason,
        "predicted_psnr_db": shared.predicted_psnr_db,
        "predicted_worst_db": shared.predicted_worst_db,
        "generated": shared.generated or None,
    }
