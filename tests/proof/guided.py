"""`make fuzz`, its second half: inputs that coverage guides (atheris, libFuzzer); prints figures as JSON.

    python -m tests.proof.guided --minutes 4

Each target has a process and its share of the time: bus messages and what takes them, recordings of others (SigMF,
archives, WAV and raw files), configurations, pictures. Raises Defect when one answers with anything but its documented
errors, takes longer than LONGEST_S for an input, or needs more than MEMORY_MIB; the input is kept in --findings.
"""

import argparse
import io
import json
import logging
import os
import random
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from tests.proof.last_will import scratch
from tests.proof.mutate import damaged_message


class Defect(Exception):
    """What was found, and what libFuzzer says of it."""


LONGEST_S = 5
MEMORY_MIB = 2048
INSTRUMENTED = (
    "hil",
    "models.images",
    "models.suggestion",
    "radio.recording",
    "radio.quantity",
    "PIL",
    "yaml",
    "tarfile",
)
META = {
    "global": {"core:datatype": "ci16_le", "core:sample_rate": 1e6, "core:version": "1.0.0", "core:num_channels": 1},
    "captures": [{"core:sample_start": 0, "core:frequency": 2.4e9, "core:global_index": 5}, {"core:sample_start": 8}],
    "annotations": [{"core:sample_start": 1, "core:sample_count": 2, "core:label": "burst"}],
}
Target = tuple[Callable[[bytes], None], list[bytes]]


def messages() -> Target:
    """A message as it comes off the wire, and everything that takes it."""
    from tests.proof.fuzz_bus import BusTarget

    target = BusTarget(random.Random(1))
    return target.feed, list(target.packed)


def recordings() -> Target:
    """The first byte chooses the kind of file, the rest is its content."""
    from radio.errors import ConfigurationError
    from radio.recording.reader import SigmfReader

    folder = Path(tempfile.mkdtemp())
    kinds = ("a.sigmf-meta", "a.sigmf", "a.wav", "a.cs16?rate=1e6", "a.cf32?rate=1e6")
    (folder / "a.sigmf-data").write_bytes(bytes(range(64)))

    def take(data: bytes) -> None:
        name = kinds[data[0] % len(kinds)] if data else kinds[0]
        (folder / name.partition("?")[0]).write_bytes(data[1:])
        try:
            reader = SigmfReader(folder / name)
            for capture in reader.captures:
                reader.samples(capture.first, min(capture.n_samples, 1 << 12), capture.start_tick)
        except ConfigurationError as error:
            assert len(str(error)) < 20_000

    meta = json.dumps(META).encode()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in (("a/a.sigmf-meta", meta), ("a/a.sigmf-data", bytes(64))):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    wav = b"RIFF\x54\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x40\x42\x0f\0\0\x09\x3d\0\x04\0\x10\0data\x20\0\0\0" + bytes(
        32
    )
    seeds = (meta, archive.getvalue(), wav, bytes(range(64)), bytes(64))
    return take, [bytes([kind]) + content for kind, content in enumerate(seeds)]


def configurations() -> Target:
    """A YAML file of a run."""
    from hil.config import load_config
    from hil.errors import UsageError

    path = Path(tempfile.mkdtemp()) / "run.yaml"

    def take(data: bytes) -> None:
        path.write_bytes(data)
        try:
            load_config(path, {}).digest()
        except UsageError as error:
            assert "Traceback" not in str(error) and len(str(error)) < 20_000

    values = load_config(None, {}).model_dump(mode="json")
    parts = [values, {"users": 2, "air": {"clock_ppm": 20.0}}, {"sample_rate_hz": "10M"}, {"sharing": "02/13"}]
    return take, [*(yaml.safe_dump(part).encode() for part in parts), b"a: &a [1]\nb: *a\n"]


def pictures() -> Target:
    """The first byte chooses the file's name, the rest is its content."""
    from models.errors import ModelError
    from models.images import open_images

    folder = Path(tempfile.mkdtemp())
    kinds = ("png", "jpg", "webp", "npz", "bin", "tar.gz")

    def take(data: bytes) -> None:
        path = folder / f"picture.{kinds[data[0] % len(kinds)] if data else kinds[0]}"
        path.write_bytes(data[1:])
        try:
            source = open_images(path, max_side_px=64)
            source.sizes([0])
            picture = source[0]
        except ModelError as error:
            assert len(str(error)) < 20_000
            return
        assert picture.pixels.dtype == np.uint8 and picture.pixels.ndim == 3 and max(picture.pixels.shape) <= 64

    seeds = []
    for mode in ("RGB", "L", "P", "LA", "I;16", "CMYK", "1"):
        for kind, name in enumerate(("PNG", "JPEG", "WEBP")):
            out = io.BytesIO()
            try:
                Image.new(mode, (7, 5), 3 if mode in ("P", "L", "1", "I;16") else None).save(out, name)
            except (OSError, ValueError, KeyError):
                continue
            seeds.append(bytes([kind]) + out.getvalue())
    stored = io.BytesIO()
    np.savez(stored, images=np.zeros((1, 4, 4, 3), np.uint8))
    return take, [*seeds, b"\x03" + stored.getvalue(), b"\x04" + bytes(3073)]


TARGETS: dict[str, Callable[[], Target]] = {
    "messages": messages, "recordings": recordings, "configurations": configurations, "pictures": pictures,
}  # fmt: skip


def fuzz_one(name: str, arguments: list[str]) -> None:
    """In a process of its own: libFuzzer ends it."""
    import atheris

    logging.disable(logging.CRITICAL)
    with atheris.instrument_imports(include=list(INSTRUMENTED)):
        take, seeds = TARGETS[name]()
    corpus = Path(tempfile.mkdtemp())
    for number, seed in enumerate(seeds):
        (corpus / str(number)).write_bytes(seed)
    rng = random.Random(1)

    def mutated(data: bytes, longest: int, seed: int) -> bytes:
        """Half as libFuzzer does, half as values: most damaged bytes are no message any more."""
        rng.seed(seed)
        if name != "messages" or rng.random() < 0.5:
            return atheris.Mutate(data, longest)
        try:
            return damaged_message(data, rng, rng.choice(seeds))[:longest]
        except (ValueError, RecursionError):
            return atheris.Mutate(data, longest)

    atheris.Setup([sys.argv[0], str(corpus), *arguments], take, custom_mutator=mutated)
    atheris.Fuzz()


def fuzz_all(minutes: float, findings: Path, seed: int = 1) -> dict[str, dict[str, float]]:
    """Every target for its share of the time. Raises Defect."""
    findings.mkdir(parents=True, exist_ok=True)
    with scratch("/dev/shm") as folder:  # libFuzzer leaves without a word: what a target wrote is taken away here
        return {name: _fuzzed(name, minutes / len(TARGETS), findings, seed, folder) for name in TARGETS}


def _fuzzed(name: str, minutes: float, findings: Path, seed: int, folder: Path) -> dict[str, float]:
    limits = [f"-max_total_time={round(60 * minutes)}", f"-timeout={LONGEST_S}", f"-seed={seed}"]
    limits += [f"-rss_limit_mb={MEMORY_MIB}", "-max_len=8192", "-print_final_stats=1"]
    command = [sys.executable, "-m", "tests.proof.guided", "--target", name]
    done = subprocess.run(
        [*command, "--", *limits, f"-artifact_prefix={findings}/{name}-"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"PYTHONHASHSEED": "1", "TMPDIR": str(folder)},
    )
    said = done.stdout.decode(errors="replace")
    runs, coverage = re.search(r"number_of_executed_units:\s*(\d+)", said), re.findall(r"\bcov: (\d+)", said)
    peak = re.search(r"peak_rss_mb:\s*(\d+)", said)
    if done.returncode or runs is None or peak is None or not coverage:  # without coverage nothing guides
        raise Defect(f"{name}, seed {seed}: {said[-4000:]}")
    return {"inputs": int(runs[1]), "edges": int(coverage[-1]), "peak_mib": int(peak[1])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", choices=sorted(TARGETS), help="This one alone, in this process.")
    parser.add_argument("limits", nargs="*", help="libFuzzer's, with --target.")
    arguments = parser.parse_args()
    if arguments.target:
        fuzz_one(arguments.target, arguments.limits)
    print(json.dumps(fuzz_all(arguments.minutes, arguments.findings, arguments.seed)))


if __name__ == "__main__":
    main()
