"""The whole job over emulated Plutos: `python -m tests.emulated_pluto.job --images DIR --out DIR`.

Starts two transmitting devices and one receiving on one air, each a port on loopback, runs `semnoma-hil loopback`
over them through the real libiio and pyadi-iio, and leaves its results in --out. Exit code: loopback's.
"""

import argparse
import subprocess
import sys

SAMPLE_RATE_HZ = 1e6  # the emulators compute every sample in real time, on the same cores as the job


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", default="demo")
    parser.add_argument("--out", default="emulated-plutos")
    parser.add_argument("--frames", default="2")
    parser.add_argument("--max-side", default="128", help="larger pictures are scaled down, px")
    options = parser.parse_args()
    emulators = subprocess.Popen(
        [sys.executable, "-m", "tests.emulated_pluto"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert emulators.stdout is not None and emulators.stdin is not None
    try:
        receiver, *transmitters = (emulators.stdout.readline().strip() for _ in range(3))
        settings = {"sample_rate_hz": SAMPLE_RATE_HZ, "max_image_side_px": options.max_side, "radio.tx_gain_db": -10,
                    "radio.rx_gain_db": 45, "radio.settle_s": 0.6, "bus.node_timeout_s": 20}  # fmt: skip
        command = [sys.executable, "-m", "hil", "loopback", "--images", options.images, "--out", options.out,
                   "--frames", options.frames, "--device", f"{receiver}?buffer=65536"]  # fmt: skip
        for uri in transmitters:
            command += ["--tx-device", uri]
        for name, value in settings.items():
            command += ["--set", f"{name}={value}"]
        return subprocess.run(command).returncode
    finally:
        emulators.stdin.close()
        emulators.wait(60)


if __name__ == "__main__":
    sys.exit(main())
