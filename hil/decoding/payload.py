"""What the payload's own quality means for its decoder: what it is told, and whether there is a picture to decode."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from models.decoding.decoder import SemanticDecoder
from models.sharing import summarised
from models.side_information import SideInformation
from radio.waveform.quality.payload_quality import PayloadQuality
from radio.waveform.reception.frame import ReceivedFrame, ReceivedUser

LARGEST_ERASED_SHARE = 0.5  # of a payload's OFDM symbols; with more gone there is no picture to speak of
LEAST_UNREAD_SINR_DB = -10.0  # of a payload whose header could not be read either


def too_damaged(found: ReceivedUser) -> str | None:
    """Why a payload that was received is no picture's, in a sentence's words; None where it may be one."""
    quality = found.quality
    if quality is None:
        return None
    if quality.erased_share > LARGEST_ERASED_SHARE:
        return (
            f"{100 * quality.erased_share:.0f} % of its payload is lost, more than {100 * LARGEST_ERASED_SHARE:.0f} %"
        )
    if found.header_read:
        return None
    if not quality.heard:
        return "its header is lost and its payload is noise: its pilots are not heard"
    if quality.sinr_db < LEAST_UNREAD_SINR_DB:
        return f"its header is lost and its payload is noise: its SINR is {quality.sinr_db:.1f} dB"
    return None


def payload_facts(quality: PayloadQuality) -> dict[str, float | int]:
    """A row's columns."""
    return {
        "payload_sinr_db": quality.sinr_db,
        "separated_sinr_db": quality.separated_sinr_db,
        "hit_symbols": int(quality.hit.sum()),
        "erased_symbols": int(quality.erased.sum()),
    }


def payload_events(quality: PayloadQuality) -> dict[str, int]:
    """What happened to one user's payload, counted in OFDM symbols, steps and samples."""
    counts = {
        "hit_symbols": int(quality.hit.sum()),
        "erased_symbols": int(quality.erased.sum()),
        "gain_steps": quality.gain_steps,
        "slipped_samples": quality.slipped_samples,
    }
    return {kind: count for kind, count in counts.items() if count}


def payload_side(
    side: SideInformation, received: ReceivedFrame | None, found: ReceivedUser | None, decoder: SemanticDecoder
) -> SideInformation:
    """Side information for decoding one user, with the noise of its payload in place of that of the training.

    The SNR, in dB, is lowered by as much as the payload is worse. For codecs that take it, every user's SINR after
    separation and its spread are measured too, once all users' payloads are. side: what the training told.
    """
    if found is None or found.quality is None or received is None:
        return side
    side = replace(side, snr_db=side.snr_db - found.quality.excess_db)
    return separated_side(side, {one.user: one.quality for one in received.users if one.quality}, decoder)


def separated_side(
    side: SideInformation, qualities: Mapping[int, PayloadQuality], decoder: SemanticDecoder
) -> SideInformation:
    """Every user's SINR after separation and its spread as the payloads, by user, show them; ``side`` itself for codecs
    that do not take it, and where a user's payload is missing.
    """
    if decoder.sharing is None or set(qualities) != set(range(side.users)):
        return side
    measured = [summarised(*qualities[user].symbol_sinr()) for user in range(side.users)]
    sinr_db, spread_db = np.array(measured, np.float32).T
    return replace(side, sinr_db=sinr_db, sinr_spread_db=spread_db)
