"""Who holds the air's time back."""

from radio.air.serving.timeline import FreeRunTimeline, PacedTimeline


def test_time_goes_as_far_as_every_transmitter_promised():
    line = FreeRunTimeline(None, stall_timeout_s=5.0)
    assert line.may_render(100, 0.0, 0.0)  # nobody is there to wait for
    line.attach(0, 1.0)
    line.attach(1, 1.0)
    line.promise(0, 1000, 1.0)
    assert not line.may_render(100, 1.0, 1.0)
    line.promise(1, 100, 1.0)
    assert line.may_render(100, 1.0, 1.0) and not line.may_render(101, 1.0, 1.0)
    line.promise(1, 50, 1.0)  # a promise is not taken back
    assert line.may_render(100, 1.0, 1.0)


def test_expected_users_are_waited_for():
    line = FreeRunTimeline(2, stall_timeout_s=5.0)
    line.attach(0, 0.0)
    line.promise(0, 1000, 0.0)
    assert not line.may_render(10, 0.0, 4.9)
    line.attach(1, 4.0)
    line.promise(1, 1000, 4.0)
    assert line.may_render(10, 0.0, 4.9)


def test_a_known_death_ends_the_waiting():
    line = FreeRunTimeline(1, stall_timeout_s=5.0)
    line.detach(0, 0.0)
    assert line.may_render(10, 0.0, 0.1)


def test_a_stalled_transmitter_is_waited_for_once_and_again_when_it_speaks(caplog):
    line = FreeRunTimeline(None, stall_timeout_s=5.0)
    line.attach(3, 0.0)
    line.promise(3, 50, 1.0)
    assert not line.may_render(100, 2.0, 6.9) and line.wait_s(100, 2.0, 6.9) > 0
    assert line.may_render(100, 2.0, 7.0) and "transmitter 3" in caplog.text
    assert line.may_render(200, 7.0, 7.0)
    line.promise(3, 150, 8.0)
    assert not line.may_render(200, 8.0, 8.0)


def test_rendered_time_never_goes_back():
    line = FreeRunTimeline(None, 5.0)
    line.rendered(100)
    line.rendered(50)
    assert line.now_tick(0.0) == 100


def test_paced_time_is_wall_time():
    line = PacedTimeline(1e6, 2.0)
    assert line.now_tick(10.0) == 0 and line.now_tick(10.5) == 1_000_000
    assert not line.may_render(1_000_001, 0.0, 10.5) and line.may_render(1_000_000, 0.0, 10.5)
    assert line.wait_s(2_000_000, 0.0, 10.5) == 0.5
