"""A run while the wall clock jumps by days in every node, and garbage rains on both of its ports."""

import contextlib
import os
import random
import socket
import threading

import zmq

from hil.supervise.supervisor import free_endpoint
from tests.proof.running import Run, rows_of, small_pictures

JUMPING = """
import os, time
_real, _began = time.time, time.monotonic()
_jumps_s = (0.0, 86_400.0, -7_200.0, 1e8, -3e8)
time.time = lambda: _real() + _jumps_s[(os.getpid() + int(2 * (time.monotonic() - _began))) % len(_jumps_s)]
"""
GREETING = bytes.fromhex("ff00000000000000017f0300") + b"NULL".ljust(20, b"\0") + bytes(32)


class Garbage(threading.Thread):
    """Random bytes over bare TCP, some behind ZeroMQ's greeting, and random frames over ZeroMQ, until stopped."""

    def __init__(self, endpoints, seed=1):
        super().__init__(daemon=True)
        self._endpoints, self._rng = endpoints, random.Random(seed)
        self._stopped = threading.Event()
        self.sent = 0

    def run(self):
        rng = self._rng
        with zmq.Context() as context:
            dealers = [context.socket(zmq.DEALER) for _ in self._endpoints]
            for dealer, endpoint in zip(dealers, self._endpoints, strict=True):
                dealer.linger, dealer.sndhwm = 0, 100
                dealer.connect(endpoint)
            while not self._stopped.wait(0.005):
                for dealer, endpoint in zip(dealers, self._endpoints, strict=True):
                    frames = [rng.randbytes(rng.choice((0, 1, 7, 100, 5000))) for _ in range(rng.choice((1, 2, 3, 40)))]
                    with contextlib.suppress(zmq.Again):
                        dealer.send_multipart(frames, zmq.NOBLOCK)
                        self.sent += 1
                    host, port = endpoint.removeprefix("tcp://").split(":")
                    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1) as bare:
                        bare.sendall(rng.choice((b"", GREETING, b"GET / HTTP/1.1\r\n\r\n")) + rng.randbytes(500))
            for dealer in dealers:
                dealer.close()

    def stop(self):
        self._stopped.set()
        self.join()


def test_a_run_finishes_while_clocks_jump_and_garbage_rains(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(JUMPING)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", os.getcwd())]))
    bus, air = free_endpoint(), free_endpoint()
    ports = ["--set", f"bus.endpoint={bus}", "--set", f"radio.device=sim:{air}"]
    ahead = ["--set", "feedback.slots_ahead=1", "--set", "rx.ideal=false"]
    garbage = Garbage([bus, air])
    garbage.start()
    try:
        run = Run(tmp_path / "run", small_pictures(tmp_path / "pictures"), 10, "--no-report", *ports, *ahead)
        code, output, errors = run.wait(150)
    finally:
        garbage.stop()
    logs = {name: (tmp_path / "run" / "logs" / f"{name}.log").read_text() for name in ("coordinator", "air")}
    assert code == 0, (errors, logs)
    rows = rows_of(run.whole_lines())
    assert len(rows) == 20 and all(row["decoded"] for row in rows)
    assert all(0 < row["csi_age_s"] < 3600 for row in rows)  # from ticks: the least jump of the wall clock is two hours
    probes, ahead_slots = 3, 1  # a slot granted ahead carries the CSI of the one before the last, whoever was faster
    expected = [max(probes - 1, probes + row["frame"] - 1 - ahead_slots) for row in rows]
    assert [row["csi_used_slot"] for row in rows] == expected
    assert all(row["psnr_db"] and row["ideal_psnr_db"] is None for row in rows)
    assert '"wall_s"' in output and "lost" not in logs["coordinator"]
    assert garbage.sent > 20 and all("malformed" in log for log in logs.values())
    assert all("Traceback" not in log for log in logs.values())
