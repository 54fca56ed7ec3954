"""Three emulated Plutos on one air: `python -m tests.emulated_pluto [--rate HZ]` prints their addresses, one a line.

The first receives, the others transmit, each with a crystal of its own. Ends with its standard input.
"""

import argparse
import sys

from tests.emulated_pluto import EmulatedAir, EmulatedPluto


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transmitters", type=int, default=2)
    parser.add_argument("--noise", type=float, default=2e-5, help="rms at 0 dB of receive gain, full scale 1")
    parser.add_argument("--ppm", type=float, nargs="+", help="crystals of the receiver and of each transmitter")
    options = parser.parse_args()
    ppm = options.ppm or [1.2, *(-0.7 * (number + 1) for number in range(options.transmitters))]
    air = EmulatedAir(noise_amplitude=options.noise)
    plutos = [EmulatedPluto(air, device=0, clock_ppm=ppm[0])]
    for number in range(options.transmitters):
        plutos.append(EmulatedPluto(air, device=number + 1, clock_ppm=ppm[number + 1], delay=3.3 * number))
    for pluto in plutos:
        print(f"pluto:{pluto.address}", flush=True)
    sys.stdin.read()
    for pluto in plutos:
        pluto.stop()


if __name__ == "__main__":
    main()
