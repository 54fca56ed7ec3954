"""Start and stop of simulated runs from the page. What the page asks for is checked before a process starts.

A page may choose the run's figures, not files, addresses or radios: those come from the command line. A run that
the page starts is always on the simulated air, so nothing radiates because of a click.
"""

import contextlib
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from hil.config import RunConfig, load_config
from hil.errors import UsageError
from hil.live.feed import Feed
from hil.supervise.loopback import check_inputs
from hil.yaml_text import yaml_values
from models.errors import ModelError
from models.package.zoo import list_codecs
from radio.isolated import isolated_command, isolated_environment

ALLOWED = ("users", "frames", "snr_db", "channel", "seed", "refine", "cancel", "codec")
ALLOWED_SECTIONS = ("air.", "control.", "feedback.", "waveform.")
GRACE_S = 20.0  # the nodes get 10 s of it
LAST_WORDS = 300


class RunControl:
    """One run at a time in a process of its own. base: a configuration that the page's values are laid over."""

    def __init__(self, feed: Feed, runs: Path, base: Path | None = None, images: str | None = None) -> None:
        self._feed, self._runs, self._base, self._images = feed, runs, base, images
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._out: Path | None = None
        self._stopping = False
        defaults = self._config({})
        feed.state.set_control(
            enabled=True,
            running=False,
            stopping=False,
            run=None,
            resumable=False,
            message="",
            codecs=[folder.name for folder in list_codecs()],
            defaults={name: getattr(defaults, name) for name in ALLOWED} | {"seed": str(defaults.seed)},
        )

    def start(self, settings: Mapping[str, Any]) -> str:
        """Start a run with these values by dotted name; returns its name. Raises UsageError with one sentence."""
        with self._lock:
            self._refuse_second()
            config = self._config(settings)
            try:
                check_inputs(config)
            except ModelError as error:
                raise UsageError(str(error)) from None
            out = self._new_folder()
            text = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
            try:
                (out / "start.yaml").write_text(text, encoding="utf-8")
            except OSError as error:
                raise UsageError(f"{out} cannot be written: {error.strerror}.") from None
            self._launch(out, resume=False)
            return out.name

    def resume(self) -> str:
        """Go on with the run that was stopped. Raises UsageError when there is none."""
        with self._lock:
            self._refuse_second()
            if self._out is None:
                raise UsageError("There is no run to go on with.")
            self._launch(self._out, resume=True)
            return self._out.name

    def stop(self) -> None:
        """Stop in order: nodes end, what is recorded stays. Returns at once. Raises UsageError without a run."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                raise UsageError("No run is going on.")
            self._stopping = True
            self._feed.state.set_control(stopping=True)
            self._process.send_signal(signal.SIGINT)
            threading.Thread(target=self._insist, args=(self._process,), daemon=True).start()

    def close(self) -> None:
        """The dashboard ends, and its run with it."""
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            self._insist(process)

    def _config(self, settings: Mapping[str, Any]) -> RunConfig:
        for name in settings:
            if name not in ALLOWED and not name.startswith(ALLOWED_SECTIONS):
                raise UsageError(
                    f"{name[:60]} cannot be set from the page; {', '.join(ALLOWED)} and the sections air, control, "
                    f"feedback and waveform can."
                )
        codec = settings.get("codec")
        if isinstance(codec, str) and ("/" in codec or "\\" in codec or codec.startswith(".")):
            raise UsageError("codec takes a name from the page; a folder can be named on the command line.")
        values = {name: _value(name, value) for name, value in settings.items()}
        config = load_config(self._base, {**values, "images": self._images})
        # Nothing of the base's lab remains: default addresses, which every start of a loopback makes free ones.
        plain = RunConfig()
        whole = config.model_dump() | {"bus": plain.bus, "rx": plain.rx}
        whole["radio"] |= {"device": plain.radio.device, "transmitters": (), "calibration": None}
        return RunConfig.model_validate(whole)

    def _refuse_second(self) -> None:
        if self._process is not None and self._process.poll() is None:
            raise UsageError("A run is going on; stop it first.")

    def _new_folder(self) -> Path:
        stem = time.strftime("run-%Y%m%d-%H%M%S")
        for number in range(1, 1000):
            out = self._runs / (stem if number == 1 else f"{stem}-{number}")
            try:
                out.mkdir(parents=True)
            except FileExistsError:
                continue
            except OSError as error:
                raise UsageError(f"{out} cannot be made: {error.strerror}.") from None
            return out
        raise UsageError(f"{self._runs} has no name left for a new run.")

    def _launch(self, out: Path, resume: bool) -> None:
        arguments = ["loopback", "--config", str(out / "start.yaml"), "--out", str(out), "--json"]
        try:
            log = (out / "loopback.log").open("ab")
        except OSError as error:  # the folder may have been removed since, or the disk be full
            raise UsageError(f"{out} cannot be written: {error.strerror}.") from None
        with log:
            self._process = subprocess.Popen(
                isolated_command("hil", *arguments, *(["--resume"] if resume else [])),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=isolated_environment() | {"PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
        self._out, self._stopping = out, False
        self._feed.follow(out)
        self._feed.state.set_control(running=True, stopping=False, run=out.name, resumable=False, message="")
        threading.Thread(target=self._wait, args=(self._process, out), daemon=True).start()

    def _wait(self, process: subprocess.Popen[bytes], out: Path) -> None:
        code = process.wait()
        message = "finished"
        if code != 0:
            lines = []
            with contextlib.suppress(OSError):  # removed meanwhile: the run has ended all the same
                lines = (out / "loopback.log").read_text(encoding="utf-8", errors="replace").splitlines()
            errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
            message = "stopped" if self._stopping else (errors[-1] if errors else f"ended with code {code}")
        values = {"running": False, "stopping": False, "resumable": code != 0, "message": message[:LAST_WORDS]}
        self._feed.state.set_control(**values)

    @staticmethod
    def _insist(process: subprocess.Popen[bytes]) -> None:
        try:
            process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()


def _value(name: str, value: Any) -> Any:
    """Settings of sections come as a line of text each, and are YAML values as with --set."""
    if "." not in name or not isinstance(value, str):
        return value
    try:
        return yaml_values(value)
    except yaml.YAMLError:
        raise UsageError(f"{name}: {value[:60]!r} is not a YAML value.") from None
