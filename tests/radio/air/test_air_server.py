"""The air's server and the simulated radio, over real sockets on 127.0.0.1."""

import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from radio.air.config import AirConfig, LinkConfig
from radio.air.medium import Medium
from radio.air.serving.server import AirServer
from radio.air.serving.sessions import PRESUMED_DEAD_S
from radio.device import RadioSettings
from radio.errors import ConfigurationError, DeviceError
from radio.safety.guard import GuardConfig, TransmitGuard
from radio.safety.open import open_radio
from radio.samples import EventKind, Samples


def test_two_transmitters_and_a_receiver(start, attach, noise_like, burst):
    config = AirConfig(channel="tdl-a", rx_antennas=2)
    server = start(config, expected_users=2)
    receiver = attach(server, "rx")
    assert receiver.capabilities.rx_channels == 2 and receiver.capabilities.shared_clock
    frames = {(u, k): burst(noise_like(3000, 10 * u + k), 5000 * k + 100) for u in (0, 1) for k in range(4)}

    def transmit(user):
        radio = attach(server, "tx", user)
        for k in range(4):
            radio.transmit(frames[user, k])
            radio.idle_until(5000 * (k + 1))

    threads = [threading.Thread(target=transmit, args=(user,)) for user in (0, 1)]
    for thread in threads:
        thread.start()
    got = [receiver.receive(5000 * k, 5000) for k in range(4)]
    for thread in threads:
        thread.join()
    medium = Medium(config)
    truths = [medium.add_burst(user, samples) for (user, _), samples in frames.items()]
    for k in range(4):
        assert got[k].start_tick == 5000 * k and np.array_equal(got[k].data, medium.render(5000 * k, 5000))
    drained = server.drain_truth()
    assert sorted((t.user, t.burst_start_tick, t.cfo_hz) for t in drained) == sorted(
        (t.user, t.burst_start_tick, t.cfo_hz) for t in truths
    )
    assert server.drain_truth() == [] and receiver.now_tick() == 20_000


def test_a_late_burst_is_dropped_and_reported(start, attach, noise_like, burst):
    server = start(AirConfig.ideal())
    receiver = attach(server, "rx")
    receiver.receive(0, 1000)
    transmitter = attach(server, "tx")
    transmitter.transmit(burst(noise_like(100), 900))
    (event,) = transmitter.events()
    assert (event.kind, event.tick, event.count) == (EventKind.LATE, 900, 1) and transmitter.events() == []
    transmitter.transmit(burst(noise_like(100), 1000))
    assert transmitter.events() == []
    transmitter.idle_until(2000)
    got = receiver.receive(900, 1000).data[0]
    assert not got[:100].any() and np.array_equal(got[100:200], noise_like(100))


def test_a_silent_transmitter_is_waited_for_only_so_long(start, attach):
    server = start(AirConfig.ideal(stall_timeout_s=0.4))
    receiver, _ = attach(server, "rx"), attach(server, "tx")
    begin = time.monotonic()
    receiver.receive(0, 1000)
    assert time.monotonic() - begin > 0.3
    begin = time.monotonic()
    for n in range(1, 401):
        receiver.receive(1000 * n, 1000)  # it is known to be stalled: no second wait, or these took 160 s
    assert time.monotonic() - begin < 120


def test_a_dropped_transmitter_does_not_hold_the_air(start, attach, noise_like, burst):
    server = start(AirConfig.ideal(stall_timeout_s=600))
    receiver, transmitter = attach(server, "rx"), attach(server, "tx")
    threading.Timer(0.3, server.drop_transmitter, (0,)).start()
    receiver.receive(0, 1000, timeout_s=60)
    with pytest.raises(DeviceError, match="open it again"):
        transmitter.transmit(burst(noise_like(10), 5000))
    again = attach(server, "tx")
    again.transmit(burst(noise_like(10), 5000))


def test_a_killed_transmitter_does_not_hold_the_air(start, attach):
    server = start(AirConfig.ideal(stall_timeout_s=600))
    receiver = attach(server, "rx")
    code = (
        "import time; from radio.safety.open import open_radio\n"
        f"radio = open_radio('sim:{server.endpoint}', role='tx'); print('open', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout.readline().strip() == b"open"
    process.kill()
    process.wait()
    receiver.receive(0, 1000, timeout_s=60)


def test_what_a_frozen_receiver_has_asked_for_is_answered_when_it_can_be(start, attach, noise_like, burst):
    server = start(AirConfig.ideal(stall_timeout_s=60))
    receiver, transmitter = attach(server, "rx"), attach(server, "tx")
    frozen = receiver._radio  # behind the guard
    frozen._heartbeat.stop()
    got = []
    waiting = threading.Thread(target=lambda: got.append(receiver.receive(0, 1000, timeout_s=60)))
    waiting.start()
    session = server._sessions.get(frozen._session)
    until(lambda: frozen._session in server._pending)
    session.heard_s -= PRESUMED_DEAD_S  # as if it had been frozen for so long; the transmitter lives
    until(lambda: not session.present)
    transmitter.transmit(burst(noise_like(100), 100))
    transmitter.idle_until(1000)
    waiting.join(60)
    assert got and np.array_equal(got[0].data[0, 100:200], noise_like(100))


def until(true):
    """Wait for it, and fail after a minute."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_user_has_one_transmitter(start, attach):
    server = start(AirConfig.ideal())
    attach(server, "tx", 0)
    attach(server, "tx", 1)
    with pytest.raises(DeviceError, match=r"Transmitter 0 .* already open"):
        attach(server, "tx", 0)


def test_a_closed_transmitter_makes_room(start, attach):
    server = start(AirConfig.ideal(stall_timeout_s=600))
    attach(server, "tx", 0).close()
    attach(server, "tx", 0).close()
    attach(server, "rx").receive(0, 100, timeout_s=60)


def test_receive_times_out_in_a_sentence(start, attach):
    server = start(AirConfig.ideal(stall_timeout_s=600))
    receiver, transmitter = attach(server, "rx"), attach(server, "tx")
    with pytest.raises(DeviceError, match=r"did not answer a Receive within 0.3 s"):
        receiver.receive(0, 1000, timeout_s=0.3)
    transmitter.idle_until(5000)
    assert receiver.receive(1000, 500).start_tick == 1000  # the given-up reply is not mistaken for this one


def test_a_receive_on_an_air_that_goes_ends_soon(start, attach):
    server = start(AirConfig.ideal(stall_timeout_s=600))
    receiver, _ = attach(server, "rx"), attach(server, "tx")
    threading.Timer(0.3, server.close).start()
    with pytest.raises(DeviceError, match="has gone"):  # not that it did not answer within its time
        receiver.receive(0, 1000, timeout_s=60)
    with pytest.raises(DeviceError, match="has gone"):
        receiver.now_tick()


def test_old_samples_overflow(start, attach, noise_like, burst):
    server = start(AirConfig.ideal(memory_samples=1 << 16))
    receiver = attach(server, "rx")
    receiver.receive(199_000, 1000)
    got = receiver.receive(0, 1000)
    oldest = 200_000 - (1 << 16)
    (event,) = receiver.events()
    assert (event.kind, event.tick, event.count) == (EventKind.OVERFLOW, 0, oldest)
    assert got.start_tick == oldest and got.data.shape == (1, 1000)


def test_clipping_is_an_event(start, attach, noise_like, burst):
    server = start(AirConfig.ideal(adc_bits=8, adc_full_scale=0.01))
    receiver, transmitter = attach(server, "rx"), attach(server, "tx")
    transmitter.transmit(burst(noise_like(1000)))
    receiver.receive(0, 1000)
    (event,) = receiver.events()
    assert event.kind == EventKind.CLIPPED and event.count > 1000


def test_a_transmitter_far_ahead_is_held_and_then_served(start, attach, noise_like, burst):
    server = start(AirConfig.ideal(memory_samples=1 << 16))
    receiver, transmitter = attach(server, "rx"), attach(server, "tx")
    n, bursts = 60_000, 8
    x = noise_like(n, power=0.01)

    def transmit():
        for k in range(bursts):
            transmitter.transmit(burst(x, n * k))

    thread = threading.Thread(target=transmit)
    thread.start()
    time.sleep(0.5)
    assert thread.is_alive()  # held: more waits than the air may store
    for k in range(bursts):
        assert np.array_equal(receiver.receive(n * k, n, timeout_s=60).data[0], x)
    thread.join(60)
    assert not thread.is_alive()


def test_an_occupied_port_is_a_sentence(start):
    server = start(AirConfig.ideal())
    with pytest.raises(DeviceError, match="is in use"):
        AirServer(AirConfig.ideal(), server.endpoint)


def test_other_machines_only_when_told():
    with pytest.raises(ConfigurationError, match="this machine only"):
        AirServer(AirConfig.ideal(), "tcp://0.0.0.0:*")
    AirServer(AirConfig.ideal(), "tcp://0.0.0.0:*", allow_remote=True).close()


def test_nobody_there_is_a_sentence(monkeypatch):
    monkeypatch.setattr("radio.devices.simulated._OPEN_TIMEOUT_S", 0.3)
    with pytest.raises(DeviceError, match=r"No simulated air answers at tcp://127.0.0.1:9"):
        open_radio("sim:tcp://127.0.0.1:9", role="rx")


def test_settings_must_be_the_airs(start, attach):
    radio = attach(start(AirConfig.ideal()), "tx")
    with pytest.raises(ConfigurationError, match="sample_rate_hz 4000000; 2000000"):
        radio.configure(RadioSettings(2e6, 2.45e9))
    with pytest.raises(ConfigurationError, match="center_frequency_hz"):
        radio.configure(RadioSettings(4e6, 2.451e9))
    with pytest.raises(ConfigurationError, match="outside"):
        radio.configure(RadioSettings(4e6, 2.45e9, tx_gain_db=-200.0))
    assert radio.configure(RadioSettings(4e6, 2.45e9, -10.0, 30.0)) == RadioSettings(4e6, 2.45e9, -10.0, 0.0)


def test_transmit_gain_reaches_the_air(start, attach, burst, noise_like):
    server = start(AirConfig.ideal())
    receiver, transmitter = attach(server, "rx"), attach(server, "tx")
    transmitter.configure(RadioSettings(4e6, 2.45e9, -20.0))
    transmitter.transmit(burst(noise_like(100)))
    assert receiver.receive(0, 100).data[0] == pytest.approx(noise_like(100) / 10, abs=1e-6)


def test_any_carrier_is_allowed_on_the_air_unless_the_guard_names_bands(start):
    server = start(AirConfig.ideal(center_frequency_hz=3.5e9))
    uri = f"sim:{server.endpoint}"
    radio = open_radio(uri, role="tx", guard=TransmitGuard(GuardConfig()))
    radio.configure(RadioSettings(4e6, 3.5e9))
    radio.close()
    radio = open_radio(uri, role="tx", guard=TransmitGuard(GuardConfig(allowed_bands_hz=((2.4e9, 2.5e9),))))
    with pytest.raises(Exception, match="not allowed"):
        radio.configure(RadioSettings(4e6, 3.5e9))
    radio.close()


def test_roles_are_kept_and_closed_is_closed(start, attach, burst, noise_like):
    server = start(AirConfig.ideal())
    receiver, transmitter = attach(server, "rx"), attach(server, "tx")
    with pytest.raises(DeviceError, match="does not transmit"):
        receiver.transmit(burst(noise_like(10)))
    with pytest.raises(DeviceError, match="does not receive"):
        transmitter.receive(0, 10)
    with pytest.raises(ConfigurationError, match="One receive takes"):
        receiver.receive(0, 1 << 30)
    with pytest.raises(ConfigurationError, match="one channel"):
        transmitter.transmit(Samples(np.zeros((2, 10), np.complex64), 0, 4e6))
    receiver.close()
    with pytest.raises(DeviceError, match="is closed"):
        receiver.receive(0, 10)


def looked_at(radio):
    """Its tick, and monotonic seconds between which it was that."""
    before_s = time.monotonic()
    return SimpleNamespace(before_s=before_s, tick=radio.now_tick(), after_s=time.monotonic())


def test_paced_air_keeps_wall_time(start, attach, noise_like, burst):
    config = AirConfig.ideal(pace=1.0, sample_rate_hz=1e6, links=(LinkConfig(delay_samples=0.0),))
    server = start(config)
    settings = RadioSettings(1e6, 2.45e9)
    uri = f"sim:{server.endpoint}"
    receiver, transmitter = open_radio(uri, role="rx"), open_radio(uri, role="tx")
    try:
        transmitter.configure(settings)
        x, begin = noise_like(1000), looked_at(receiver)
        for lead in (300_000, 3_000_000, 30_000_000):  # as long as this machine needs
            start = receiver.now_tick() + lead
            transmitter.transmit(Samples(x[None], start, 1e6))
            if not transmitter.events():
                break
        got = receiver.receive(start, 100_000, timeout_s=100)
        end = looked_at(receiver)
        passed_s = (end.tick - begin.tick) / 1e6
        assert end.before_s - begin.after_s - 2e-6 < passed_s < end.after_s - begin.before_s + 2e-6
        assert end.tick >= start + 100_000
        assert np.array_equal(got.data[0, :1000], x) and receiver.events() == []
        transmitter.transmit(Samples(x[None], begin.tick, 1e6))
        assert [e.kind for e in transmitter.events()] == [EventKind.LATE]
    finally:
        receiver.close()
        transmitter.close()


def test_blocks_of_fading_can_be_set_while_running(start, attach, noise_like, burst):
    server = start(AirConfig(channel="rayleigh"))
    server.set_block_samples(1000)
    transmitter = attach(server, "tx")
    for tick in (0, 500, 1000):
        transmitter.transmit(burst(noise_like(100), tick))
    # the carrier's phase is drawn per burst, the fading per block
    gains = [abs(truth.tap_gains[0, 0]) for truth in server.drain_truth()]
    assert gains[0] == pytest.approx(gains[1]) and abs(gains[1] - gains[2]) > 1e-3
    with pytest.raises(ConfigurationError):
        server.set_block_samples(0)
