"""One received frame to recorded results: decode each user, refine, score against the original, write."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hil.bus.messages import Grant, Sent
from hil.config import RunConfig
from hil.decoding.cancellation import Canceller, View, by_power
from hil.decoding.deadline import Deadline
from hil.decoding.generating import Generator
from hil.decoding.ideal import ideal_features
from hil.decoding.judge import Judge
from hil.decoding.payload import payload_events, payload_facts, payload_side, separated_side, too_damaged
from hil.decoding.pictures import ReceivedPictures
from hil.decoding.protected import protected_facts
from hil.decoding.score import score
from hil.decoding.true_snr import together_db, true_snrs_db
from hil.results.observe import diagnostics
from hil.results.rows import FoundTone, ResultRow
from hil.results.writer import ResultWriter
from hil.session import mirror
from hil.session.sharing import is_generated, sharing_of, told, way_of
from hil.session.slot import Slot
from models.decoding.decoder import SemanticDecoder
from models.errors import ModelError
from models.modality.halves import Half, Receiving
from models.modality.shared import SharedModality
from models.sharing import Sharing
from models.side_information import SideInformation
from models.task.symbol_task import SymbolTask
from radio.waveform.reception.frame import ReceivedUser

if TYPE_CHECKING:  # diffusers is imported only where pictures are refined
    from models.refiner import AnyRefiner


@dataclass(frozen=True)
class DecodedFrame:
    """A frame whose pictures are there and nothing is recorded of. made: by user, values as their modality has them."""

    slot: Slot
    made: dict[int, tuple[ResultRow, dict[str, Any]]]


@dataclass
class FrameDecoder:
    """Decodes slot by slot. refiner None leaves pictures as decoded, canceller None users superposed.

    deadline None refines in full. modalities: of those users who send no pictures. generator, judge: of pictures in
    slots that carry a coarse code; task: what names pictures from their symbols.
    """

    config: RunConfig
    decoder: SemanticDecoder
    refiner: "AnyRefiner | None"
    writer: ResultWriter
    canceller: Canceller | None = None
    on_recorded: Callable[[ResultRow, Mapping[str, Any]], None] = lambda _row, _pictures: None
    deadline: Deadline | None = None
    modalities: Mapping[int, SharedModality] = field(default_factory=dict)
    generator: Generator | None = None
    judge: Judge | None = None
    task: SymbolTask | None = None

    def __post_init__(self) -> None:
        self._pictures = ReceivedPictures(self.decoder)

    def modality(self, user: int) -> Receiving:
        """What this user sends."""
        return self.modalities.get(user, self._pictures)

    def decode(self, slot: Slot) -> int:
        """`make` and `record` in one: decode and record every user of one frame; how many images were decoded."""
        return self.record(self.make(slot))

    def make(self, slot: Slot) -> DecodedFrame:
        """Decode every user of one frame. Users that the writer already has are left alone."""
        assert slot.grant.frame is not None
        view = None
        if self.canceller and slot.samples and slot.received:
            view = View(slot.samples, slot.received, slot.csi)
        order = by_power(slot.received, self.config.users) if view else range(self.config.users)
        users = [user for user in order if (slot.grant.frame, user) not in self.writer.done and user not in slot.ended]
        made: dict[int, tuple[ResultRow, dict[str, Any]]] = {}
        for place, user in enumerate(users):
            made[user] = row, pictures = self._user(slot, user, view, users_after=len(users) - 1 - place)
            if view and self.canceller and row.decoded:
                view = self.canceller.without(view, slot, user, pictures["received"])
        return DecodedFrame(slot, made)

    def record(self, frame: DecodedFrame) -> int:
        """Score and record a frame, in a thread of its own if the caller likes; how many images were decoded.

        What no receiver in the field does is done here: the ideal receiver's pictures. Each line is on disk when this
        returns.
        """
        slot, made = frame.slot, frame.made
        assert slot.grant.frame is not None
        rows = {user: row for user, (row, _) in made.items()}
        ideal = self.config.rx.ideal and not is_generated(slot.grant)
        ideals = self._ideal_pictures(slot, rows) if ideal else {}
        for user, (row, pictures) in made.items():
            score(self.modality(user), row, pictures, ideals.get(user), self.judge)
        shown = [(row, self._shown(user, pictures)) for user, (row, pictures) in made.items()]
        if self._keeps_pictures(frame):
            self.writer.record(shown, (slot.grant.frame, diagnostics(self.config, slot)))
        else:
            self.writer.record([(row, {}) for row, _ in shown])
        for row, pictures in shown:
            self.on_recorded(row, pictures)
        return sum(row.decoded for row, _ in made.values())

    def _keeps_pictures(self, frame: DecodedFrame) -> bool:
        """All but those of a video, of which every so many are enough; nothing of a frame in which nobody sent."""
        live = all(row.live is not None for row, _ in frame.made.values())
        return not live or (bool(frame.made) and (frame.slot.grant.frame or 0) % self.config.video.pictures_every == 0)

    def powers(self, grant: Grant) -> np.ndarray | None:
        """With what power each user sends the parts of its payload in a slot (see `BurstReceiver.receive`)."""
        if len(self.modalities) < self.config.users and self.decoder.sharing is None:
            return None  # a codec with one fixed way, beside which everybody fills every channel use
        codec = self.modality(0)
        sharing = way_of(codec, sharing_of(grant, self.config))
        return sharing.powers(self.config.users, codec.all_channels)

    def _original(self, slot: Slot, user: int) -> np.ndarray | None:
        """What the user says it has sent, where that is of its modality."""
        header = slot.told_headers().get(user)
        fits = header is None or header.kind == self.modality(user).header_kind
        return slot.originals.get(user) if fits else None

    def _shown(self, user: int, values: Mapping[str, Any]) -> dict[str, Any]:
        """What is written and shown of original and received values, by name."""
        modality = self.modality(user)
        return {name: one if one is None else modality.show(one) for name, one in values.items()}

    def _user(self, slot: Slot, user: int, view: View | None, users_after: int) -> tuple[ResultRow, dict[str, Any]]:
        received, csi = (view.received, view.csi) if view else (slot.received, slot.csi)
        sharing = sharing_of(slot.grant, self.config)
        found = next((u for u in received.users if u.user == user), None) if received else None
        modality = self.modality(user)
        side = payload_side(told(modality, csi, self.config.users, sharing), received, found, modality)
        reason = undecodable(modality, slot, user, found, modality.header_kind, sharing)
        facts = self._facts(slot, user, found)
        facts["cancelled_users"] = sorted(view.cancelled) if view else []
        original = self._original(slot, user)
        pictures: dict[str, Any] = {"original": original}
        if reason is not None or found is None or found.header is None:
            late: dict[str, Any] = (
                {"deadline_ms": self.config.deadline_ms, "deadline_missed": True} if self.deadline else {}
            )
            return ResultRow(**facts, **late, decoded=False, reason=reason or "not detected"), pictures
        height, width = found.header.height, found.header.width
        clock = self._now_s()
        decoded = modality.decode(found.features, user, side, height, width, sharing)
        facts["latency_ms"]["decode"] = (self._now_s() - clock) * 1e3
        if self.deadline:
            self.deadline.decoding.note(height * width, 1, facts["latency_ms"]["decode"] / 1e3)
        refined = decoded
        facts |= self._named(found, user, side, sharing)
        refiner = self.refiner if modality.refined else None
        if is_generated(slot.grant) and self.generator is not None:
            refiner, refined = None, self._generated(facts, decoded, user, side, sharing)
        if refiner is not None:
            passes = self._passes(slot, side.snr_db, height * width, users_after)
            clock = self._now_s()
            text = told_text(refiner, facts.get("caption_received"))
            refined = refiner.refine(decoded, refiner.level_db(side, user), passes, text)
            seconds = self._now_s() - clock
            facts["latency_ms"]["refine"] = seconds * 1e3
            facts |= {"refine_passes": passes, "refined": passes != 0}
            facts["refined_with_text"] = bool(text) and passes != 0 if refiner.takes_text else None
            if self.deadline and passes:
                self.deadline.refining.note(height * width, passes, seconds)
        pictures["received"] = modality.finish(refined)
        if self.deadline:
            facts |= self._kept(slot)
        if refiner is not None and original is not None and original.shape == pictures["received"].shape:
            facts["psnr_unrefined_db"] = modality.score(original, modality.finish(decoded))
        return ResultRow(**facts, decoded=True, reason=None), pictures

    def _generated(
        self, facts: dict[str, Any], coarse: np.ndarray, user: int, side: SideInformation, sharing: Sharing
    ) -> np.ndarray:
        """What is made of a coarse picture and the words that arrived: float32 [3, H, W]; its columns go to facts."""
        assert self.generator is not None
        words, clock = facts.get("caption_received"), self._now_s()
        picture = self.generator.picture(coarse, user, side, sharing, words)
        facts["latency_ms"]["generate"] = (self._now_s() - clock) * 1e3
        facts |= {"generated_from": self.generator.name(words), "refined": False}
        return picture

    def _named(self, found: ReceivedUser, user: int, side: SideInformation, sharing: Sharing) -> dict[str, Any]:
        """The columns of the task, of a user's picture; {} without one."""
        if self.task is None or found.header is None or self.modality(user) is not self._pictures:
            return {}
        label, confidence = self.task.name(found.features, user, side, *found.header.size, sharing)
        return {"label": label, "label_confidence": confidence}

    def _now_s(self) -> float:
        return self.deadline.clock() if self.deadline else time.perf_counter()

    def _passes(self, slot: Slot, snr_db: float, pixels: int, users_after: int) -> int | None:
        """Refinement passes that the deadline and the SNR leave; None, all, without a deadline."""
        if self.deadline is None or self.refiner is None:
            return None
        ready_s = self.deadline.clock() if slot.ready_s is None else slot.ready_s
        return self.deadline.passes(ready_s, self.refiner.useful_passes(snr_db), pixels, users_after)

    def _kept(self, slot: Slot) -> dict[str, Any]:
        """The columns about the deadline, of a picture that is there now."""
        assert self.deadline is not None
        used_ms = 0.0 if slot.ready_s is None else self.deadline.used_ms(slot.ready_s)
        limit_ms = self.deadline.limit_ms
        return {"deadline_ms": limit_ms, "answer_ms": used_ms, "deadline_missed": used_ms > limit_ms}

    def _ideal_pictures(self, slot: Slot, rows: Mapping[int, ResultRow]) -> dict[int, np.ndarray]:
        """The same codec, items, fading and noise level without a waveform: values by user. rows: what was made of
        them, with as many passes of refinement and the same text.

        Where users are cancelled, they are here too, one after the other.
        """
        sharing = sharing_of(slot.grant, self.config)
        ideal = ideal_features(self.config, slot, self.powers(slot.grant))
        if ideal is None:
            return {}
        pictures: dict[int, np.ndarray] = {}
        for user in ideal.air.by_power() if self.canceller else list(ideal.features):
            modality, original = self.modality(user), self._original(slot, user)
            if original is None:
                continue
            height, width = original.shape[:2] if modality is self._pictures else slot.told_headers()[user].size
            side = separated_side(told(modality, ideal.csi, self.config.users, sharing), ideal.qualities, modality)
            picture = modality.decode(ideal.features[user], user, side, height, width, sharing)
            if self.refiner is not None and modality.refined:
                row = rows.get(user)
                text = (row.caption_received or "") if row and row.refined_with_text else ""
                level_db = self.refiner.level_db(side, user)
                picture = self.refiner.refine(picture, level_db, row.refine_passes if row else None, text)
            pictures[user] = modality.finish(picture)
            if self.canceller and len(pictures) < len(ideal.air.users):
                symbols = self.canceller.symbols(slot, user, pictures[user])
                ideal = ideal.air.without(user, symbols).heard()
        return pictures

    def _facts(self, slot: Slot, user: int, found: ReceivedUser | None) -> dict[str, Any]:
        """The columns that do not depend on decoding."""
        sent, link, csi = slot.sent.get(user), slot.links.get(user), slot.csi
        measured = found is not None and found.detected
        expected, header = slot.burst_tick, slot.told_headers().get(user)
        true_db = true_snrs_db(self.config, slot)
        facts: dict[str, Any] = {
            "frame": slot.grant.frame,
            "user": user,
            "refined": self.refiner is not None and self.modality(user).refined,
            "modality": self.modality(user).name,
            "score_name": self.modality(user).score_name,
            "score_unit": self.modality(user).score_unit,
            "snr_db_estimated": csi.snr_db if csi else None,
            "snr_db_true": together_db(true_db),
            "user_snr_db_true": true_db.get(user),
            "latency_ms": dict(slot.latency_ms),
            "events": dict(slot.events) if user == 0 else {},  # the radio's events count once a frame
            "tones": [
                FoundTone(one.cycles * self.config.sample_rate_hz, 10 * math.log10(max(one.power, 1e-30)))
                for one in slot.tones
            ],
            **_shared(slot.grant),
            "seeds": {"run": self.config.seed, "air": self.config.air.seed},
        }
        if measured and found is not None and slot.received is not None:
            start = slot.received.start_tick
            facts |= {
                "cfo_hz": float(found.cfo_hz),
                "delay_samples": float(start + found.delay_samples - expected),
                "clock_ppm": float(found.clock_ppm),
                "user_snr_db": float(found.snr_db),
                "channel_gain_db": float(10 * np.log10(found.power / self.config.radio.tx_amplitude**2)),
                "evm_db": found.evm_db,
                "doppler_hz": float(found.doppler_hz),
                "beyond_prefix": float(found.channel.beyond_prefix) if found.channel else None,
            }
        if found is not None and found.quality is not None:
            facts |= payload_facts(found.quality)
            facts["events"] |= payload_events(found.quality)
        if found is not None and not found.header_read:
            facts["events"]["header_lost"] = 1
        beside, lost = protected_facts(slot, user)
        facts, facts["events"] = facts | beside, facts["events"] | lost
        if link is not None:
            facts["delay_true_samples"] = link.burst_start_tick - expected + link.delay_samples
            facts["cfo_true_hz"] = link.cfo_hz - (sent.precorrection_hz if sent else 0.0)
        if sent is not None:
            facts["latency_ms"] |= sent.latency_ms
            facts["events"] = {
                kind: facts["events"].get(kind, 0) + sent.events.get(kind, 0)
                for kind in {*facts["events"], *sent.events}
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


def told_text(refiner: "AnyRefiner", caption: str | None) -> str:
    """What a refiner is told of a caption that may not have arrived, "" for nothing."""
    return caption or "" if refiner.takes_text else ""


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


def undecodable(
    decoder: Half,
    slot: Slot,
    user: int,
    found: ReceivedUser | None,
    kind: str = "image",
    sharing: Sharing | None = None,
) -> str | None:
    """Why a user's burst cannot be decoded, or None. The header is checked before any memory is taken."""
    if user in slot.grant.lost_users:
        return "its transmitter is lost"
    if mirror.EVENT in slot.events:
        return mirror.REMEDY
    if found is None or not (found.detected or found.features.size):
        return (found.reason if found else None) or "not detected"
    header = found.header
    if header is None:
        return found.reason or "the header's checksum failed"
    if header.kind != kind or header.user != user or header.frame != slot.grant.frame:
        return f"the header names frame {header.frame}, user {header.user} ({header.kind})"
    if kind == "image" and min(header.height, header.width) < 1:
        return f"the header names a picture of {header.width}x{header.height} pixels"
    if found.reason and not found.features.size:
        return found.reason
    try:
        uses = decoder.channel_uses(header.height, header.width, sharing)
    except ModelError as error:
        return f"the header names what cannot be: {error}".rstrip(".")
    if header.n_symbols != uses or found.features.size != uses:
        what = "picture" if kind == "image" else "item"
        return f"{found.features.size} symbols received, {uses} are needed for this {what}"
    if not np.all(np.isfinite(found.features)):
        return "the equalised symbols are not finite"
    return too_damaged(found)
