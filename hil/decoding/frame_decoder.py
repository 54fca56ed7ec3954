"""One received frame to recorded results: decode each user, refine, score against the original, write."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hil.bus.messages import Grant
from hil.config import RunConfig
from hil.decoding.burst import Tried, decode_together, ideal_try, received_of
from hil.decoding.cancellation import Canceller, View, by_power
from hil.decoding.deadline import Deadline
from hil.decoding.facts import row_facts
from hil.decoding.ideal import ideal_features
from hil.decoding.judge import Judge
from hil.decoding.payload import payload_side
from hil.decoding.pictures import ReceivedPictures
from hil.decoding.score import score
from hil.decoding.undecodable import undecodable
from hil.results.observe import diagnostics
from hil.results.rows import ResultRow
from hil.results.writer import ResultWriter
from hil.session.burst.several import pictures_of
from hil.session.sharing import is_generated, sharing_of, told, way_of
from hil.session.slot import Slot
from models.decoding.decoder import SemanticDecoder
from models.modality.halves import Receiving
from models.modality.shared import SharedModality
from models.sharing import Sharing
from models.side_information import SideInformation
from models.task.symbol_task import SymbolTask
from radio.waveform.burst.grid import ResourceGrid

if TYPE_CHECKING:  # diffusers is imported only where pictures are refined or generated
    from hil.decoding.generating import Generator
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
    generator: "Generator | None" = None
    judge: Judge | None = None
    task: SymbolTask | None = None

    def __post_init__(self) -> None:
        self._pictures = ReceivedPictures(self.decoder)
        self._grid = ResourceGrid(self.config.waveform)

    def modality(self, user: int) -> Receiving:
        """What this user sends."""
        return self.modalities.get(user, self._pictures)

    def decode(self, slot: Slot) -> int:
        """`make_all` and `record_all` in one: decode and record every user of a slot; how many images were decoded."""
        return sum(self.record_all(self.make_all(slot)))

    def make(self, slot: Slot) -> DecodedFrame:
        """`make_all` of a slot with one picture of every user."""
        return self.make_all(slot)[0]

    def record(self, frame: DecodedFrame) -> int:
        """`record_all` of one frame."""
        return self.record_all([frame])[0]

    def make_all(self, slot: Slot) -> list[DecodedFrame]:
        """Decode every user of every frame of a slot. Users that the writer already has are left alone."""
        assert slot.grant.frame is not None
        view = None
        if self.canceller and slot.samples and slot.received:
            view = View(slot.samples, slot.received, slot.csi)
        frames = [DecodedFrame(one, {}) for one in pictures_of(slot, self._grid)]
        order = by_power(slot.received, self.config.users) if view else range(self.config.users)
        users = [user for user in order if user not in slot.ended and any(self._open(one, user) for one in frames)]
        for number, user in enumerate(users):
            wanted = frames if view else [one for one in frames if self._open(one, user)]
            made = self._user([one.slot for one in wanted], user, view, users_after=len(users) - 1 - number)
            for frame, (row, pictures) in zip(wanted, made, strict=True):
                if self._open(frame, user):
                    frame.made[user] = row, pictures
            if view and self.canceller and all(row.decoded for row, _ in made):
                view = self.canceller.without(view, slot, user, *(pictures["received"] for _, pictures in made))
        return frames

    def _open(self, frame: DecodedFrame, user: int) -> bool:
        return (frame.slot.grant.frame, user) not in self.writer.done

    def record_all(self, frames: Sequence[DecodedFrame]) -> list[int]:
        """Score and record the frames of a slot, in a thread of its own if the caller likes; how many images were
        decoded of each.

        What no receiver in the field does is done here: the ideal receiver's pictures. Each line is on disk when this
        returns.
        """
        ideals: list[dict[int, np.ndarray]] = [{} for _ in frames]
        if self.config.rx.ideal and not is_generated(frames[0].slot.grant):
            rows = [{user: row for user, (row, _) in frame.made.items()} for frame in frames]
            ideals = self._ideals([frame.slot for frame in frames], rows)
        shown: list[tuple[ResultRow, dict[str, Any]]] = []
        for frame, ideal in zip(frames, ideals, strict=True):
            for user, (row, pictures) in frame.made.items():
                score(self.modality(user), row, pictures, ideal.get(user), self.judge)
                shown.append((row, self._shown(user, pictures)))
        kept = {frame.slot.grant.frame for frame in frames if self._keeps_pictures(frame)}
        first = frames[0].slot
        seen = [(first.grant.frame or 0, diagnostics(self.config, first))] if kept else []
        self.writer.record([(row, pictures if row.frame in kept else {}) for row, pictures in shown], *seen)
        for row, pictures in shown:
            self.on_recorded(row, pictures)
        return [sum(row.decoded for row, _ in frame.made.values()) for frame in frames]

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

    def _user(
        self, slots: Sequence[Slot], user: int, view: View | None, users_after: int
    ) -> list[tuple[ResultRow, dict[str, Any]]]:
        """One user's pictures of a burst, decoded together."""
        tries = [self._tried(slot, user, view) for slot in slots]
        good = [one for one in tries if one.reason is None]
        clock = self._now_s()
        images = iter(decode_together(self.modality(user), good, user, sharing_of(slots[0].grant, self.config)))
        seconds = self._now_s() - clock
        if self.deadline and good:
            self.deadline.decoding.note(good[0].pixels, len(good), seconds)
        made = []
        for place, one in enumerate(tries):
            image = next(images) if one.reason is None else one.reason
            if isinstance(image, str):
                late: dict[str, Any] = (
                    {"deadline_ms": self.config.deadline_ms, "deadline_missed": True} if self.deadline else {}
                )
                made.append((ResultRow(**one.facts, **late, decoded=False, reason=image), one.pictures))
                continue
            one.facts["latency_ms"]["decode"] = seconds * 1e3
            after = users_after * len(tries) + len(tries) - 1 - place
            made.append(self._finished(one, user, image, after))
        return made

    def _tried(self, slot: Slot, user: int, view: View | None) -> Tried:
        """What there is of one picture before it is decoded."""
        received, csi = (received_of(view, slot, self._grid), view.csi) if view else (slot.received, slot.csi)
        sharing = sharing_of(slot.grant, self.config)
        found = next((u for u in received.users if u.user == user), None) if received else None
        modality = self.modality(user)
        side = payload_side(told(modality, csi, self.config.users, sharing), received, found, modality)
        reason = undecodable(modality, slot, user, found, modality.header_kind, sharing)
        facts = row_facts(self.config, slot, user, found, modality, self.refiner is not None)
        facts["cancelled_users"] = sorted(view.cancelled) if view else []
        features, size = np.zeros(0, np.complex64), (0, 0)
        if found is not None and found.header is not None:
            features, size = found.features, found.header.size
        return Tried(slot, features, size, side, reason, facts, {"original": self._original(slot, user)})

    def _finished(
        self, one: Tried, user: int, decoded: np.ndarray, pictures_after: int
    ) -> tuple[ResultRow, dict[str, Any]]:
        """Refine a decoded picture."""
        modality, facts, original = self.modality(user), one.facts, one.pictures["original"]
        refined = decoded
        sharing = sharing_of(one.slot.grant, self.config)
        facts |= self._named(one, user, sharing)
        refiner = self.refiner if modality.refined else None
        if is_generated(one.slot.grant) and self.generator is not None:
            refiner, refined = None, self._generated(facts, decoded, user, one.side, sharing)
        if refiner is not None:
            passes = self._passes(one.slot, one.side.snr_db, one.pixels, pictures_after)
            clock = self._now_s()
            text = told_text(refiner, facts.get("caption_received"))
            refined = refiner.refine(decoded, refiner.level_db(one.side, user), passes, text)
            seconds = self._now_s() - clock
            facts["latency_ms"]["refine"] = seconds * 1e3
            facts |= {"refine_passes": passes, "refined": passes != 0}
            facts["refined_with_text"] = bool(text) and passes != 0 if refiner.takes_text else None
            if self.deadline and passes:
                self.deadline.refining.note(one.pixels, passes, seconds)
        one.pictures["received"] = received = modality.finish(refined)
        if self.deadline:
            facts |= self._kept(one.slot)
        if refiner is not None and original is not None and original.shape == received.shape:
            facts["psnr_unrefined_db"] = modality.score(original, modality.finish(decoded))
        return ResultRow(**facts, decoded=True, reason=None), one.pictures

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

    def _named(self, one: Tried, user: int, sharing: Sharing) -> dict[str, Any]:
        """The columns of the task, of a user's picture; {} without one."""
        if self.task is None or self.modality(user) is not self._pictures:
            return {}
        label, confidence = self.task.name(one.features, user, one.side, *one.size, sharing)
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

    def _ideals(self, slots: Sequence[Slot], rows: Sequence[Mapping[int, ResultRow]]) -> list[dict[int, np.ndarray]]:
        """The same codec, items, fading and noise level without a waveform: values by user, of each picture of a burst.
        rows: what was made of them, with as many passes of refinement and the same text.

        Where users are cancelled, they are here too, one after the other.
        """
        whole = slots[0].burst or slots[0]
        sharing = sharing_of(whole.grant, self.config)
        ideal = ideal_features(self.config, whole, self.powers(whole.grant))
        pictures: list[dict[int, np.ndarray]] = [{} for _ in slots]
        if ideal is None:
            return pictures
        for user in ideal.air.by_power() if self.canceller else list(ideal.features):
            modality, original = self.modality(user), self._original(slots[0], user)
            if original is None:
                continue
            size = original.shape[:2] if modality is self._pictures else slots[0].told_headers()[user].size
            side = told(modality, ideal.csi, self.config.users, sharing)
            tries = [ideal_try(ideal, slot, user, side, modality, size, self._grid) for slot in slots]
            images = decode_together(modality, tries, user, sharing)
            for own, one, image, made in zip(pictures, tries, images, rows, strict=True):
                if isinstance(image, str):
                    continue
                if self.refiner is not None and modality.refined:
                    row = made.get(user)
                    text = (row.caption_received or "") if row and row.refined_with_text else ""
                    level_db = self.refiner.level_db(one.side, user)
                    image = self.refiner.refine(image, level_db, row.refine_passes if row else None, text)
                own[user] = modality.finish(image)
            decoded = all(user in own for own in pictures)
            if self.canceller and decoded and len(pictures[0]) < len(ideal.air.users):
                seen = zip(slots, pictures, tries, strict=True)
                symbols = [self.canceller.symbols(slot, user, own[user], one.features) for slot, own, one in seen]
                ideal = ideal.air.without(user, np.concatenate(symbols)).heard()
        return pictures


def told_text(refiner: "AnyRefiner", caption: str | None) -> str:
    """What a refiner is told of a caption that may not have arrived, "" for nothing."""
    return caption or "" if refiner.takes_text else ""
