"""A frame's deadline, by a clock that the test turns: refinement takes what is left, misses are told."""

from types import SimpleNamespace

import numpy as np
import pytest

from hil.bus.messages import Grant, Start
from hil.config import load_config
from hil.decoding.deadline import Cost, Deadline
from hil.decoding.frame_decoder import FrameDecoder
from hil.results.rows import read_rows
from hil.results.summary import summarise
from hil.results.writer import ResultWriter
from hil.session.slot import Slot
from models.refiner.refiner import DDIM_STEPS
from models.refiner.start_step import useful_passes
from radio.waveform.burst.header import FrameHeader
from radio.waveform.reception.frame import ReceivedFrame, ReceivedUser

SIDE = 16
DECODE_S, PASS_S = 0.010, 0.004


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


def frame_decoder(tmp_path, clock, deadline_ms, pass_s=PASS_S, useful=4):
    """Two users' pictures of 16x16; decoding takes 10 ms, a pass pass_s, and brightens a picture by 0.1."""

    def decode(features, user, side, height, width, _sharing=None):
        clock.now_s += DECODE_S
        return np.zeros((3, height, width), np.float32)

    def refine(image, snr_db, passes=None, text=None):
        count = 4 if passes is None else passes
        clock.now_s += pass_s * count
        return image + np.float32(0.1 * count)

    refiner = SimpleNamespace(
        refine=refine, useful_passes=lambda snr_db: useful, takes_text=False, level_db=lambda side, user: side.snr_db
    )
    deadline = None
    if deadline_ms is not None:
        deadline = Deadline(deadline_ms, clock)
        deadline.refining.note(SIDE * SIDE, 1, PASS_S)
        deadline.decoding.note(SIDE * SIDE, 1, DECODE_S)
    config = load_config(None, {"refine": True, "deadline_ms": deadline_ms})
    codec = SimpleNamespace(channel_uses=lambda height, width, _sharing=None: 8, decode_float=decode, sharing=None)
    return FrameDecoder(config, codec, refiner, ResultWriter(tmp_path, resume=True), deadline=deadline)


def slot(clock, frame=0, waited_s=0.0, lost=()):
    users = [
        ReceivedUser(user, True, header=FrameHeader(frame, user, "image", SIDE, SIDE, 8, 0), header_read=True,
                     power=1.0, snr_db=10.0, features=np.ones(8, np.complex64))
        for user in range(2)
    ]  # fmt: skip
    received = ReceivedFrame(0, tuple(users), 0.1, 10.0)
    grant = Grant(slot=frame, frame=frame, slot_tick=0, csi=None, lost_users=list(lost))
    made = Slot(grant, Start(1000, 10), received=received, ready_s=clock.now_s - waited_s)
    made.originals = {user: np.zeros((SIDE, SIDE, 3), np.uint8) for user in range(2)}
    return made


def rows_of(tmp_path, clock, deadline_ms, **options):
    waited_s, lost = options.pop("waited_s", 0.0), options.pop("lost", ())
    decoder = frame_decoder(tmp_path, clock, deadline_ms, **options)
    decoder.decode(slot(clock, waited_s=waited_s, lost=lost))
    return read_rows(tmp_path)


def test_without_a_deadline_every_picture_is_refined_in_full(tmp_path):
    for row in rows_of(tmp_path, Clock(), None):
        assert (row.refine_passes, row.deadline_ms, row.answer_ms, row.deadline_missed) == (None,) * 4
        assert row.refined and row.latency_ms["refine"] == pytest.approx(0.0, abs=50)


@pytest.mark.parametrize(
    ("deadline_ms", "waited_ms", "passes"),
    [
        (1000, 0, (4, 4)),  # time for all that is useful
        (62, 0, (4, 4)),  # user 0: (62 - 10 - 10) / 2 = 21 of 5 each, margin included; user 1: 62 - 36 = 26 of 5
        (42, 0, (2, 2)),  # user 0: (42 - 10 - 10) / 2 = 11 of 5; user 1: 42 - 10 - 8 - 10 = 14 of 5
        (40, 12, (0, 1)),  # user 0: (40 - 12 - 20) / 2 = 4 of 5: none; user 1: 40 - 12 - 20 = 8 of 4.5 (faded)
        (15, 0, (0, 0)),
    ],
)
def test_what_is_left_goes_to_refinement(tmp_path, deadline_ms, waited_ms, passes):
    rows = rows_of(tmp_path, Clock(), deadline_ms, waited_s=waited_ms / 1e3)
    assert tuple(row.refine_passes for row in rows) == passes
    assert [row.refined for row in rows] == [count > 0 for count in passes]
    before_ms = waited_ms
    for row, count in zip(rows, passes, strict=True):
        before_ms += 1e3 * (DECODE_S + count * PASS_S)
        assert row.answer_ms == pytest.approx(before_ms)
        assert row.deadline_missed == (before_ms > deadline_ms)


def test_the_snr_bounds_the_passes(tmp_path):
    assert [row.refine_passes for row in rows_of(tmp_path, Clock(), 1000, useful=2)] == [2, 2]
    counts = [useful_passes(snr_db, DDIM_STEPS) for snr_db in np.arange(-20, 40)]
    assert counts == sorted(counts, reverse=True) and counts[0] == DDIM_STEPS and counts[-1] == 1


def test_misses_are_counted_and_a_picture_that_never_comes_is_one(tmp_path):
    rows = rows_of(tmp_path, Clock(), 15, lost=(0,))
    assert [row.deadline_missed for row in rows] == [True, False]
    facts = {"users": 2, "frames": 1, "snr_db": 10.0, "channel": "awgn", "seed": 1, "version": "", "wall_s": 1.0}
    summary = summarise(rows, **facts, refine=True, codec="")
    assert (summary["deadline_misses"], summary["deadline_ms"]) == (1, 15)
    assert summarise([], **facts, refine=True, codec="")["deadline_misses"] is None


def test_the_cost_follows_what_is_measured_and_recovers_from_one_slow_pass(tmp_path):
    clock = Clock()
    decoder = frame_decoder(tmp_path, clock, 62, pass_s=2 * PASS_S)  # twice what was measured at first
    counts = []
    for frame in range(4):
        decoder.decode(slot(clock, frame))
    counts = [row.refine_passes for row in read_rows(tmp_path)]
    assert counts[0] == 4 and counts[-2:] == [2, 2]  # 21 ms and 22 ms of 10 each
    assert [row.deadline_missed for row in read_rows(tmp_path)][2:] == [False] * 6
    deadline = Deadline(60, clock, refining=Cost(1.0))  # as if one pass had taken minutes
    tries = next(n for n in range(300) if deadline.passes(clock.now_s, 4, SIDE * SIDE, 0))
    assert 0 < tries < 200


def test_a_refiner_spends_the_passes_that_it_is_given(tmp_path):
    from models.export.refiner_folder import export_refiner
    from models.package.manifest import Provenance
    from models.refiner import Refiner
    from models.refiner.network import ARCHITECTURE_NAME, build_prior, small_prior_arguments

    arguments = small_prior_arguments([8, 16], 16)
    told = Provenance(data="", command="", seed=0, minutes=0, images_seen=0)
    prior = build_prior(ARCHITECTURE_NAME, arguments)
    export_refiner(prior, tmp_path, "tiny", "0", arguments, told, {}, "Apache-2.0")
    refiner = Refiner.load(tmp_path, "cpu")
    calls = []
    refiner.network.register_forward_hook(lambda *_: calls.append(1))
    image = np.random.default_rng(0).random((3, 16, 16), np.float32)
    assert refiner.refine(image, 0.0, 0) is image and not calls
    made = {passes: (refiner.refine(image, 0.0, passes), len(calls))[1] for passes in (1, 2, None)}
    assert made == {1: 1, 2: 3, None: 3 + refiner.passes} and refiner.passes > 2
