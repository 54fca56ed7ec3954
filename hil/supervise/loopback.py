"""One run with all its nodes on this machine: check everything, start the processes, watch, sum up."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from hil.config import RunConfig
from hil.decoding.identity import identity, keep_identity
from hil.errors import HilError, UsageError
from hil.language.captioner import open_captioner
from hil.modality.choice import open_modalities
from hil.report.finish import Stopwatch, finish_run
from hil.results.rows import ResultsError, read_rows
from hil.results.run_folder import write_config
from hil.results.writer import ResultWriter
from hil.semantic_config import PICTURES
from hil.supervise.supervisor import Supervisor, free_endpoint
from hil.video.sources import STANDARD_INPUT, check_sources, source_of
from models.images import open_images
from models.package.manifest import CodecManifest, load_manifest
from models.package.zoo import codec_folder, network_folder, refiner_folder


def check_inputs(config: RunConfig) -> None:
    """Everything that can be wrong with the input, before a process starts. Raises UsageError or ModelError."""
    manifest = load_manifest(codec_folder(config.codec))
    if config.sends_pictures and config.users > manifest.users:
        raise UsageError(
            f"--users {config.users}: codec {manifest.name} was made for {manifest.users} users; "
            f"1 to {manifest.users} are possible."
        )
    if config.refine or config.semantic.mode != PICTURES:
        refiner_folder(config.refiner)
    _check_semantic(config, manifest)
    named = len(config.radio.transmitters)
    if named not in (0, config.users):
        raise UsageError(f"{named} transmitters are named for {config.users} users; each needs one of its own.")
    if config.video.sources:
        check_sources(config.video, config.users)
    else:
        _check_content(config)
    open_captioner(config.captions, config.images)


def _check_semantic(config: RunConfig, manifest: CodecManifest) -> None:
    if config.semantic.task is not None:
        network_folder(config.semantic.task)
    if config.semantic.mode == PICTURES:
        return
    channels, most = config.semantic.payload_channels(config.users), manifest.latent_channels // 2
    if not manifest.takes_any_share:
        raise UsageError(f"--mode {config.semantic.mode}: codec {manifest.name} has one fixed number of symbols.")
    if channels > most:
        raise UsageError(f"semantic.channels: {channels} are needed, but codec {manifest.name} has {most}.")


def _check_content(config: RunConfig) -> None:
    modalities = open_modalities(config)
    for source in {config.source_of(user) for user in range(config.users) if user not in modalities}:
        open_images(source, max_side_px=config.max_image_side_px).check()
    for user, modality in modalities.items():
        modality.check(modality.load(config.source_of(user)))


def run_loopback(
    config: RunConfig,
    out: Path,
    *,
    resume: bool,
    console: Console,
    on_progress: Callable[[float, int], None] = lambda _seconds, _images: None,
    report: bool = True,
) -> dict[str, Any]:
    """Run to the end and return the summary.

    Raises UsageError or ModelError for input (nothing started), HilError when a node died; results up to then
    are kept, summed up, and finished by a second call with resume=True. on_progress hears the monotonic time in
    seconds and the number of recorded images, several times a second. report: also write report.html.
    """
    live = bool(config.video.sources)
    if live and resume:
        raise UsageError("--resume: a video does not come again from where it was; choose another --out.")
    stopwatch = Stopwatch()
    config = _with_endpoints(config)
    check_inputs(config)
    if config.rx.capture:
        from hil.supervise.capture_plan import check_capture  # with compiled loops, which a supervisor does without

        console.print(check_capture(config, out), highlight=False, soft_wrap=True)
    recorded_before = len(read_rows(out)) if resume else 0
    # Refuses a folder that cannot take these results before anything starts.
    with contextlib.closing(ResultWriter(out, resume=resume, config=config.model_dump(mode="json"))) as writer:
        keep_identity(out, identity(config), resumed=bool(writer.done))
    path = write_config(out, config)
    common = ["--config", str(path)]
    recorded = LineCount(out / "results.jsonl")
    supervisor = Supervisor(out / "logs")
    total = config.users * config.frames
    try:
        supervisor.start("coordinator", ["coordinator", *common, "--resume-from", str(out)])
        if config.radio.device.startswith("sim"):
            supervisor.start("air", ["air", *common])
        receiver = ["rx", *common, "--out", str(out), "--resume", "--no-report"]
        supervisor.start("rx", receiver)
        for user in range(config.users):
            own = ["--device", config.radio.transmitters[user]] if config.radio.transmitters else []
            reads = source_of(config.video, user) == STANDARD_INPUT
            supervisor.start(f"tx{user}", ["tx", *common, "--user", str(user), *own], reads_input=reads)
        with _progress(console, None if live else total) as advance:

            def poll() -> None:
                count = recorded()
                advance(count)
                on_progress(time.monotonic(), count)

            supervisor.wait(poll)
    except HilError as error:
        supervisor.stop()
        if isinstance(error, UsageError):
            raise
        done = len(read_rows(out))
        with contextlib.suppress(ResultsError):  # a full disk has no room for a summary either
            finish_run(out, config, stopwatch, recorded_before, report)
        raise HilError(
            f"{error}; {done} images are recorded in {out}."
            if live
            else f"{error}; {done} of {total} images are recorded in {out}, the same command with --resume goes on."
        ) from error
    finally:
        supervisor.stop()
    return finish_run(out, config, stopwatch, recorded_before, report)


def _with_endpoints(config: RunConfig) -> RunConfig:
    """Default ports become free ones, so that several runs fit on one machine; chosen ones stay."""
    values = config.model_dump()
    if config.bus.endpoint == type(config.bus)().endpoint:
        values["bus"]["endpoint"] = free_endpoint()
    if config.radio.device in ("sim", type(config.radio)().device):
        values["radio"]["device"] = f"sim:{free_endpoint()}"
    return RunConfig.model_validate(values)


class LineCount:
    """How many whole lines a growing file has; reads only what is new."""

    def __init__(self, path: Path) -> None:
        self._path, self._read, self._lines = path, 0, 0

    def __call__(self) -> int:
        with contextlib.suppress(FileNotFoundError), self._path.open("rb") as file:
            file.seek(self._read)
            new = file.read()
            self._read += len(new)
            self._lines += new.count(b"\n")
        return self._lines


@contextlib.contextmanager
def _progress(console: Console, total: int | None) -> Iterator[Any]:
    """A bar on a terminal, nothing when piped."""
    if not console.is_terminal or console.quiet:
        yield lambda _count: None
        return
    columns = (TextColumn("images"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("images", total=total)
        yield lambda count: progress.update(task, completed=count)
