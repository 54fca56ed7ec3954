"""A source in time: when pictures are due, what becomes of late ones, and how it ends."""

import threading

import numpy as np
import pytest

from hil.errors import UsageError
from hil.video.play import MAX_BEHIND_S, Ended, LivePictures, PlayClock, Thinned
from hil.video.shot import Shot, SourceBroken
from hil.video_config import VideoConfig


def shot(number, position_s=0.0, arrived_s=0.0):
    return Shot(np.full((8, 8, 3), number, np.uint8), 1.0, position_s, arrived_s, number)


class Scripted:
    """A source that gives what the test hands it, when it does. kind: "file", "pipe" or "camera"."""

    name = "made.mp4"

    def __init__(self, kind="camera", shots=()):
        self.kind = kind
        self._shots, self._changed, self._end = list(shots), threading.Condition(), None
        self.closed, self.all_read = threading.Event(), threading.Event()

    def give(self, *shots):
        with self._changed:
            self._shots += shots
            self._changed.notify()

    def end(self, error=None):
        with self._changed:
            self._end = error or StopIteration()
            self._changed.notify()

    def shots(self):
        while True:
            with self._changed:
                if not self._shots:
                    self.all_read.set()
                assert self._changed.wait_for(lambda: self._shots or self._end, 30)
                if not self._shots:
                    if isinstance(self._end, StopIteration):
                        return
                    raise self._end
                taken = self._shots.pop(0)
            yield taken

    def expected_pictures(self):
        return None

    def close(self):
        self.closed.set()


def opened(source, **settings):
    live = LivePictures(lambda: source, VideoConfig(size="8x8", **settings))
    live.open()
    return live


def in_a_file(n):
    """Pictures that are all due at once."""
    return Scripted("file", [shot(number) for number in range(n)])


def all_of(live):
    """Everything that can be taken, and how it ended."""
    taken = []
    while not isinstance(picture := live.take(30), Ended):
        taken.append(picture)
    return taken, picture.reason


def test_a_file_waits_for_its_first_taker_and_loses_nothing_when_queued():
    source = in_a_file(20)
    live = opened(source, late="queue")
    source.end()
    taken, reason = all_of(live)
    assert [picture.number for picture in taken] == list(range(20))
    assert not any(picture.dropped or picture.repeated for picture in taken)
    assert reason == "it is over"
    assert taken[3].image_id == "made.mp4-000003" and np.all(taken[3].pixels == 3) and taken[3].source_size == (8, 8)


def test_late_pictures_are_dropped_and_counted():
    """However fast they are taken: every picture is sent, or counted with the one sent after it; the last is sent."""
    source = in_a_file(50)
    live = opened(source, late="drop")
    source.end()
    one = live.take(30)
    assert source.closed.wait(30)  # nobody asked meanwhile: what waited was replaced by the newest
    taken = [one, *all_of(live)[0]]
    assert len(taken) <= 2 and taken[-1].number == 49
    assert sum(1 + picture.dropped for picture in taken) == 50


def test_the_last_picture_is_sent_again_while_no_other_comes():
    source = in_a_file(1)
    live = opened(source)
    one = live.take(30)
    again = live.take(0.0)
    assert again.repeated and again.number == one.number and again.captured_s == one.captured_s
    assert again.taken_s >= one.taken_s and again.dropped == 0
    source.end()
    while not isinstance(ended := live.take(0.0), Ended):
        assert ended.repeated
    live.close()


@pytest.mark.parametrize("late", ["drop", "queue"])
def test_a_camera_that_is_unplugged_ends_with_its_reason(late):
    source = in_a_file(3)
    source.kind = "pipe"
    live = opened(source, late=late)
    source.end(SourceBroken("no such device"))
    taken, reason = all_of(live)
    assert reason == "no such device" and source.closed.wait(30)
    assert sum(1 + picture.dropped for picture in taken) == 3


def test_a_pipe_that_says_nothing_any_more_is_gone():
    live = opened(Scripted("pipe"), silence_s=0.05)
    assert live.take(30) == Ended("no picture has come for 0.05 s")


def test_a_file_is_never_silent():
    source = Scripted("file", [shot(0), shot(1, position_s=0.3)])
    live = opened(source, silence_s=0.01, late="queue")
    source.end()
    assert [live.take(30).number, live.take(30).number] == [0, 1]


def test_what_a_camera_saw_before_anybody_asked_is_passed_over():
    source = Scripted("camera", [shot(number) for number in range(5)])
    live = opened(source, late="queue")
    assert source.all_read.wait(30)
    taken = []
    asking = threading.Thread(target=lambda: taken.append(live.take(30)))
    asking.start()
    number = 5
    while asking.is_alive():
        source.give(shot(number))
        number += 1
        asking.join(0.01)
    assert taken[0].number >= 5 and taken[0].dropped == 0
    source.end()


def test_a_fault_of_the_source_ends_it_and_no_more(caplog):
    source = in_a_file(1)
    live = opened(source, late="queue")
    source.end(ZeroDivisionError("by design"))
    assert live.take(30).number == 0
    assert live.take(30) == Ended("ZeroDivisionError: by design")


def test_a_source_that_cannot_be_opened():
    def refuse():
        raise UsageError("no camera.")

    with pytest.raises(UsageError, match="no camera"):
        LivePictures(refuse, VideoConfig()).open()


def test_closing_ends_a_play_in_the_middle():
    source = Scripted("file", [shot(0), shot(1, position_s=3600)])
    live = opened(source)
    live.take(30)
    live.close()
    assert source.closed.wait(30)


def test_files_play_by_their_time_stamps():
    clock = PlayClock("file")
    due = [clock.due_s(shot(n, position_s=n / 10), now_s=100 + n / 20) for n in range(5)]
    assert np.allclose(due, [100, 100.1, 100.2, 100.3, 100.4])


def test_a_file_that_is_read_too_slowly_is_played_slower(caplog):
    clock = PlayClock("file")
    clock.due_s(shot(0), now_s=100)
    late = clock.due_s(shot(1, position_s=0.1), now_s=100.1 + 2 * MAX_BEHIND_S)
    assert late == 100.1 + 2 * MAX_BEHIND_S  # from here on anew
    assert clock.due_s(shot(2, position_s=0.2), now_s=late) == pytest.approx(late + 0.1)
    assert "played slower" in caplog.text


def test_a_pipes_picture_is_not_due_before_it_is_there():
    clock = PlayClock("pipe")
    assert clock.due_s(shot(0, 0.0, arrived_s=50), now_s=50) == 50
    assert clock.due_s(shot(1, 0.1, arrived_s=50.4), now_s=50.4) == 50.4  # its writer was late
    assert clock.due_s(shot(2, 0.2, arrived_s=50.41), now_s=50.41) == pytest.approx(50.5)  # and is not any more
    assert clock.due_s(shot(3, 9.0, arrived_s=50.5), now_s=50.5) == 50.5  # it has left pictures out


def test_a_cameras_picture_is_as_old_as_it_says():
    assert PlayClock("camera").due_s(shot(7, 0.7, arrived_s=49.9), now_s=50) == 49.9


@pytest.mark.parametrize(("own_fps", "rate_fps"), [(30, 10), (25, 10), (30, 29), (10, 10), (10, 20)])
def test_a_source_is_thinned_to_a_rate(own_fps, rate_fps):
    thinned = Thinned(rate_fps)
    kept = [n for n in range(10 * own_fps) if thinned.keeps(round(n / own_fps, 3))]
    assert abs(len(kept) - 10 * min(own_fps, rate_fps)) <= 0.03 * len(kept) + 1
    assert Thinned(None).keeps(0.0) and Thinned(None).keeps(0.0)
