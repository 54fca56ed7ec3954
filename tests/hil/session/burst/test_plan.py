"""Which frames go in one burst."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.bus.messages import Hello
from hil.bus.parts import MOST_RUNS, ItemRun
from hil.config import load_config
from hil.nodes.transmitter import picture_index, sizes_by_frame
from hil.session.burst.plan import BurstPlan, runs_of
from radio.waveform.burst.grid import ResourceGrid

SIZES = ((32, 32, 512), (32, 48, 768), (64, 64, 2048))


def hellos(items, **changes):
    """One Hello for each user, whose items come frame by frame."""
    return {user: Hello("tx", user, 1, "", sizes=runs_of(own), **changes) for user, own in enumerate(items)}


def plan(items, pictures, frames=50, **options):
    config = load_config(None, {"users": len(items), "frames": frames, "burst.pictures": pictures, **options})
    return BurstPlan(config, hellos(items))


sources = st.lists(st.lists(st.sampled_from(SIZES), min_size=1, max_size=12), min_size=1, max_size=3)


@given(sources, st.integers(2, 9), st.integers(1, 40))
def test_every_frame_is_in_one_burst_of_pictures_of_one_size(items, pictures, frames):
    made = plan(items, pictures, frames)
    bursts = list(made.bursts())
    assert [frame for burst in bursts for frame in burst.frames] == list(range(frames))
    assert [burst.number for burst in bursts] == list(range(len(bursts))) and made.count() == len(bursts)
    for before, burst in zip([None, *bursts], bursts, strict=False):
        sizes = [{own[frame % len(own)][:2] for frame in burst.frames} for own in items]
        assert all(len(own) == 1 for own in sizes) and burst.pictures <= pictures
        if before is not None and before.pictures < pictures:  # it ended only where a size changes
            assert any(own[(burst.frame - 1) % len(own)] != own[burst.frame % len(own)] for own in items)
    waveform = load_config(None, {"users": len(items)}).waveform
    for burst in bursts:
        uses = max(own[burst.frame % len(own)][2] for own in items)
        assert ResourceGrid(waveform).burst_length(uses * burst.pictures) <= made.longest_samples


@given(sources, st.integers(2, 9), st.sets(st.integers(0, 29)))
def test_a_resumed_run_has_the_same_bursts_in_the_same_slots(items, pictures, missing):
    made = plan(items, pictures, 30)
    whole = {frame: burst for burst in made.bursts() for frame in burst.frames}
    again = list(made.bursts(sorted(missing)))
    assert again == sorted({whole[frame] for frame in missing}, key=lambda burst: burst.number)


@pytest.mark.parametrize(
    ("users", "size", "asked"), [(2, SIZES[0], 0.35), (8, (256, 256, 32768), 0.15), (2, SIZES[2], 0.02)]
)
def test_auto_takes_as_few_as_reach_the_overhead_that_is_asked_for(users, size, asked):
    made = plan([[size]] * users, "auto", 1000, **{"burst.overhead": asked})
    most, grid = made.most_pictures, ResourceGrid(load_config(None, {"users": users}).waveform)
    config = grid.config
    training = users * (2 * config.cp_samples + 8 * 256 + (2 + 6) * (256 + 32))

    def share(pictures):
        symbols = int(np.ceil(pictures * size[2] / (200 - 8 * users)))
        return training / (training + symbols * (256 + 32))

    if most < 256:
        assert share(most) <= asked < share(most - 1)
    assert made.undecoded_frames == 2 * most and grid.overhead(most * size[2]) == pytest.approx(share(most))


def test_one_a_burst_where_nobody_asks_for_more_or_a_transmitter_cannot_tell():
    alone = plan([[SIZES[0]]] * 2, 1)
    assert [burst.frames for burst in alone.bursts([3, 5])] == [range(3, 4), range(5, 6)]
    assert [burst.number for burst in alone.bursts([3, 5])] == [3, 5]
    assert (alone.most_pictures, alone.longest_samples, alone.count()) == (1, 0, 50)
    config = load_config(None, {"frames": 50, "burst.pictures": 4})
    own = [[SIZES[0]]] * 2
    for told in ({}, hellos(own[:1]), hellos(own, live=True), {**hellos(own), 1: Hello("tx", 1, 1, "")},
                 {**hellos(own), 1: Hello("tx", 1, 1, "", sizes=[ItemRun(0, 1, 1, 1)])}):  # fmt: skip
        assert BurstPlan(config, told).most_pictures == 1
    assert BurstPlan(config, hellos(own)).most_pictures == 4


def test_a_source_that_changes_too_often_tells_nothing():
    mixed = [SIZES[number % 2] for number in range(MOST_RUNS)]
    assert len(runs_of(mixed)) == MOST_RUNS and runs_of([*mixed, SIZES[0]]) == []


@given(st.integers(1, 12), st.integers(1, 3), st.integers(1, 30))
def test_what_a_transmitter_tells_of_its_items_is_what_it_sends(pictures, users, frames):
    rng = np.random.default_rng(pictures)
    kinds = [SIZES[number] for number in rng.integers(0, 3, pictures)]

    class Images(list):
        def sizes(self, indices):
            return [kinds[index][:2] for index in indices]

    class Encoder:
        def channel_uses(self, height, width):
            return height * width // 2

    config = load_config(None, {"users": users, "frames": frames})
    for user in range(users):
        runs = sizes_by_frame(config, Images(kinds), Encoder(), user)
        told = [(run.height, run.width) for run in runs for _ in range(run.frames)]
        sent = [kinds[picture_index(frame, user, users, pictures)][:2] for frame in range(frames)]
        assert [told[frame % len(told)] for frame in range(frames)] == sent
