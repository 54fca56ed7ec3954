"""What the fuzzer feeds beside the bus, and what each part may answer: anything else that is raised is a defect."""

import random
from pathlib import Path

import numpy as np
import yaml
import zmq

from hil.config import RunConfig, load_config, validated
from hil.errors import UsageError
from radio.air.config import AirConfig
from radio.air.serving import protocol as p
from radio.air.serving.server import AirServer
from radio.waveform.burst import header as header_code
from tests.proof.mutate import changed, damaged, damaged_message


class AirTarget:
    """Damaged messages at the air's port, with samples that fit or do not."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._server = AirServer(AirConfig(memory_samples=1 << 16), "tcp://127.0.0.1:*")
        self._server._warm_up()
        attach = p.Attach(p.PROTOCOL_VERSION, "s", 1, "tx", 0)
        receiver = p.Attach(p.PROTOCOL_VERSION, "r", 1, "rx", 0)
        self._messages = [p.encode(m) for m in (
            attach, receiver, p.SetGain("s", 2, -3.0), p.Burst("s", 3, 1000, 4e6, 1, 64), p.IdleUntil("s", 2000),
            p.Receive("r", 4, 0, 512), p.Now("r", 5), p.Heartbeat("s"), p.Detach("s"),
        )]  # fmt: skip
        for message in self._messages[:2]:
            self._take(message)

    def _take(self, message: bytes, *payload: bytes) -> None:
        self._server._take([zmq.Frame(part) for part in (b"address", message, *payload)])

    def __call__(self) -> None:
        rng = self._rng
        message = rng.choice(self._messages)
        if rng.random() < 0.9:
            message = damaged_message(message, rng, rng.choice(self._messages))
        self._take(message, *[rng.randbytes(rng.choice((512, 512, 0, 7))) for _ in range(rng.choice((0, 0, 1, 1, 2)))])
        if rng.random() < 0.02:
            for again in self._messages[:2]:
                self._take(again)
            self._server._serve_pending()
            self._server._take_held()

    def close(self) -> None:
        self._server.close()


class HeaderTarget:
    """Damaged headers: as bits, with the checksum made right again, and as likelihoods."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._header = header_code.FrameHeader(7, 1, "image", 32, 32, 512, 7)
        self._bits = np.packbits(header_code.to_bits(self._header)).tobytes()
        self._symbols = header_code.modulate(self._header, 1200)

    def __call__(self) -> None:
        rng = self._rng
        if rng.random() < 0.1:
            symbols = self._symbols.copy()
            n = rng.randrange(1, symbols.size)
            symbols[:n] *= rng.choice((-1, 0, 1e30, 1e-30, float("inf"), float("nan")))
            header = header_code.demodulate(symbols)
        else:
            size = header_code.HEADER_BITS // 8
            packed = damaged(self._bits, rng, self._bits)[:size].ljust(size, b"\0")
            if rng.random() < 0.5:
                packed = packed[:-2] + header_code.crc16(packed[:-2]).to_bytes(2, "big")
            header = header_code.from_bits(np.unpackbits(np.frombuffer(packed, np.uint8)))
        if header is not None:
            assert np.packbits(header_code.to_bits(header)).tobytes()[:-2], "a header that was read can be sent"


class ConfigTarget:
    """Damaged configurations, as values and as YAML text."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._values = load_config(None, {"air.clock_ppm": 20}).model_dump(mode="json")
        self._text = yaml.safe_dump(
            {"users": 2, "air": {"clock_ppm": 20.0}, "images": "demo", "radio": {"lead_s": 0.5}}
        )

    def __call__(self) -> None:
        try:
            if self._rng.random() < 0.02:
                text = damaged(self._text.encode(), self._rng, b"&a [*a, !!python/object:os.system {}] << *a : - ? |")
                config = parsed(text)
            else:
                values = self._values
                for _ in range(self._rng.choice((1, 1, 2, 3))):
                    values = changed(values, self._rng)
                config = validated(values if isinstance(values, dict) else {"users": values}, "fuzz")
        except UsageError as error:
            assert "Traceback" not in str(error) and len(str(error)) < 20_000
            return
        config.digest()


def parsed(text: bytes) -> RunConfig:
    """As `load_config` does from a file."""
    path = Path("/dev/shm") / f"semnoma-fuzz-{id(text)}.yaml"
    path.write_bytes(text)
    try:
        return load_config(path, {})
    finally:
        path.unlink()
