"""Options that every node and the loopback share, and how they become a `RunConfig`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import yaml

from hil.cli.options.pictures import PicturesPerBurst
from hil.cli.options.ranges import Quantity
from hil.config import RunConfig, load_config
from hil.dataset.layout import PARTS
from hil.errors import FaultyInput
from hil.yaml_text import yaml_values
from models.faults import Faults

_SHARED = [
    click.option("--config", "config_path", type=click.Path(path_type=Path), help="YAML file, or a name in configs/."),
    click.option("--images", help="'demo', a folder, a picture, a CIFAR-10 file or an .npz.  [demo]"),
    click.option("--modality", "modalities", multiple=True, metavar="NAME", help="What each user sends.  [picture]"),
    click.option("--source", "sources", multiple=True, metavar="PATH", help="Where each user's items come from."),
    click.option(
        "--captions", help="File of captions, sidecar, text:WORDS, labels, or an installed captioner.  [none]"
    ),
    click.option("--users", type=int, help="Users on the air, 1 to 8.  [2]"),
    click.option("--frames", type=int, help="Frames; each carries one picture per user.  [4]"),
    click.option("--pictures-per-burst", type=PicturesPerBurst(), help="Of every user, behind one preamble.  [1]"),
    click.option("--snr", "snr_db", type=Quantity("db"), help="Total received power over noise, dB.  [10]"),
    click.option("--channel", help="awgn, rayleigh, rician, tdl-a to tdl-e.  [awgn]"),
    click.option("--codec", help="Packaged codec or the folder of one.  [real-time]"),
    click.option("--share", "sharing", help="auto, parted, superposed, 0 to 1, or groups as 02/13.  [auto]"),
    click.option("--refine/--no-refine", default=None, help="Refinement of decoded pictures.  [off]"),
    click.option("--refiner", help="Packaged refiner or the folder of one.  [refiner-32]"),
    click.option("--mode", "semantic_mode", help="pictures, semantic (words and a coarse code), or auto.  [pictures]"),
    click.option("--task", "semantic_task", help="Packaged task that names pictures from their symbols.  [none]"),
    click.option("--seed", type=int, help="Seed of everything random.  [1]"),
    click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Any option, e.g. air.clock_ppm=20."),
]

_NODE = [
    click.option("--bus", "bus_endpoint", help="Coordinator's endpoint.  [tcp://127.0.0.1:5555]"),
    click.option("--keys", "keys_folder", type=click.Path(path_type=Path), help="Folder of semnoma-hil keys."),
]

_VIDEO = [
    click.option(
        "--video", "videos", multiple=True, metavar="FILE", help="Video, folder of frames, pipe or -; per user."
    ),
    click.option("--camera", "cameras", multiple=True, metavar="DEVICE", help="Webcam, e.g. /dev/video0; per user."),
    click.option("--size", "video_size", metavar="WxH", help="What pictures of a video are brought to.  [256x256]"),
    click.option("--fit", "video_fit", help="crop, pad or stretch them to that size.  [crop]"),
    click.option(
        "--fps", "video_rate_fps", type=Quantity("fps"), help="Pictures a second of a video, at most.  [its own]"
    ),
    click.option("--late", "video_late", help="Late pictures: drop or queue.  [drop]"),
    click.option("--raw", "video_raw", metavar="FORM", help="Of raw frames in a pipe: rgb24,320x240,30."),
]

record_option = click.option(
    "--record", type=click.Path(path_type=Path), metavar="FILE", help="Record the received samples as SigMF."
)

capture_option = click.option(
    "--capture", metavar="PARTS", help="RUN/capture.h5 with iq, csi, truth, e.g. iq,csi; all of them: all."
)

Decorated = Callable[..., Any]


def run_options(function: Decorated) -> Decorated:
    """--config, --images, --users, ... of a run."""
    for option in reversed(_SHARED):
        function = option(function)
    return function


def video_options(function: Decorated) -> Decorated:
    """--video, --camera and how their pictures are sent."""
    for option in reversed(_VIDEO):
        function = option(function)
    return function


def node_options(function: Decorated) -> Decorated:
    """The run's options, and where the bus is."""
    for option in reversed(_SHARED + _NODE):
        function = option(function)
    return function


def config_from(
    *,
    config_path: Path | None,
    settings: tuple[str, ...],
    bus_endpoint: str | None = None,
    keys_folder: Path | None = None,
    device: str | None = None,
    record: Path | None = None,
    capture: str | None = None,
    tx_devices: tuple[str, ...] = (),
    videos: tuple[str, ...] = (),
    cameras: tuple[str, ...] = (),
    defaults: dict[str, Any] | None = None,
    modalities: tuple[str, ...] = (),
    sources: tuple[str, ...] = (),
    **flags: Any,
) -> RunConfig:
    """Lay flags over --set over the file over `defaults`. Raises UsageError with one sentence."""
    overrides = parse_settings(settings)
    keys = str(keys_folder) if keys_folder else None
    flags |= {"bus.endpoint": bus_endpoint, "radio.device": device, "bus.keys": keys}
    flags["radio.transmitters"] = list(tx_devices) or None
    flags["video.sources"] = [*videos, *(f"camera:{one}" for one in cameras)] or None
    for section in ("video", "semantic"):
        flags = {name.replace(f"{section}_", f"{section}.", 1): value for name, value in flags.items()}
    flags |= {"modalities": list(modalities) or None, "sources": list(sources) or None}
    flags |= {"rx.record": str(record) if record else None, "rx.capture": capture_parts(capture)}
    flags["burst.pictures"] = flags.pop("pictures_per_burst", None)
    overrides |= {name: value for name, value in flags.items() if value is not None}
    return load_config(config_path, overrides, defaults)


def capture_parts(text: str | None) -> list[str] | None:
    """PARTS of --capture; None where nothing is said. What is no part is left to the configuration to refuse."""
    if text is None:
        return None
    return list(PARTS) if text.strip() == "all" else [name.strip() for name in text.split(",") if name.strip()]


def parse_settings(settings: tuple[str, ...]) -> dict[str, Any]:
    """KEY=VALUE texts -> values by dotted name. Raises UsageError with all texts that are none."""
    overrides: dict[str, Any] = {}
    wrong = []
    for setting in settings:
        name, sign, text = setting.partition("=")
        if not sign or not name:
            wrong.append(f"--set {setting} is not of the form KEY=VALUE, e.g. air.clock_ppm=20")
            continue
        try:
            overrides[name] = yaml_values(text)
        except yaml.YAMLError:
            wrong.append(f"--set {name}: {text!r} is not a YAML value")
    if wrong:
        raise FaultyInput("the command line", Faults(wrong))
    return overrides
