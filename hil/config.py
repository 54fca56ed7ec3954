"""The one typed configuration of a run: YAML file, then flags, validated before anything opens.

Values that several rooms share (sample rate, carrier, users, seed, channel) stand once at the top level and
are handed down to `waveform` and `air`; a file that states a different value below is refused.
"""

import contextlib
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationInfo, field_validator, model_validator

from hil.burst_config import BurstConfig
from hil.bus_config import BusConfig
from hil.errors import FaultyInput, UsageError
from hil.loops_config import ControlConfig, FeedbackConfig
from hil.packaged import named_file
from hil.radio_config import RadioConfig
from hil.reception_config import ReceptionConfig
from hil.section import Section
from hil.semantic_config import SemanticConfig
from hil.video_config import VideoConfig
from hil.yaml_text import YAMLError, yaml_values
from models.errors import ModelError
from models.faults import Faults, read, short_value
from models.sharing import AUTO, Sharing
from radio.air.config import AirConfig, Channel, LinkConfig
from radio.quantity import (
    LEAST_CARRIER_HZ,
    LEAST_RATE_HZ,
    Decibels,
    Hertz,
    Milliseconds,
    parse_quantity,
    unit_of,
)  # fmt: skip
from radio.safety.guard import GuardConfig
from radio.unit_guess import larger_rate, larger_unit
from radio.waveform.config import WaveformConfig

PICTURE = "picture"  # the modality of users of whom nothing else is said
CAPTION_BYTES = 64  # of protected bits where captions are sent and nobody says how many


class RunConfig(Section):
    """Everything that decides a run; written in full beside its results."""

    users: int = Field(2, ge=1, le=8, description="Transmitters that superpose.")
    frames: int = Field(4, ge=1, le=10_000_000, description="Frames; each has one picture of every user.")
    snr_db: Decibels = Field(
        10.0, ge=-30, le=60, description="Mean received power of all users together, whatever their links, over noise."
    )
    channel: Channel = Field(
        "awgn",
        description="Fading of the simulated air: awgn, rayleigh, rician, tdl-a to tdl-e, or one that an installed "
        "package adds.",
    )
    seed: int = Field(1, ge=0, lt=1 << 63, description="Of everything random.")
    images: str = Field("demo", description="'demo', a folder, a picture, a CIFAR-10 file or an .npz.")
    modalities: tuple[str, ...] = Field(
        (),
        description="What each user sends, or one for all: picture, or one that an installed package adds. Empty: "
        "pictures.",
    )
    sources: tuple[str, ...] = Field(
        (), description="Where each user's items come from, or one for all; of users who send pictures '' is `images`."
    )
    max_image_side_px: int = Field(1024, ge=1, le=16384, description="Larger pictures are scaled down.")
    captions: str | None = Field(
        None,
        description="What is sent beside pictures: a file of captions, sidecar (a .txt beside each one), text:WORDS "
        "or a captioner that an installed package adds; null: nothing, unless waveform.bits_bytes says so.",
    )
    codec: str = Field("real-time", description="Name of a packaged codec or the folder of one.")
    sharing: str = Field(
        AUTO,
        description="How users share channel uses, for codecs that take any number of symbols: auto, parted, "
        "superposed, a number from 0 to 1 for the share that all of them fill, or groups of users as in 02/13.",
    )
    sharing_objective: Literal["mean", "worst"] = Field(
        "mean", description="What auto makes as great as possible: the users' mean PSNR, or that of the worst user."
    )
    codec_channels: int | None = Field(
        None, ge=1, description="Complex channels a latent position that a payload has, for such codecs; null is all."
    )
    refine: bool = Field(False, description="Refinement of decoded pictures by a network.")
    cancel: bool = Field(
        False, description="Successive cancellation: decoded users are encoded again and subtracted for the next."
    )
    refiner: str = Field("refiner-32", description="Name of a packaged refiner or the folder of one.")
    deadline_ms: Milliseconds | None = Field(
        None, gt=0, le=3.6e6, description="From a frame's last sample to its pictures; refinement takes what is left."
    )
    compute_device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="Where pictures are decoded.")
    sample_rate_hz: Hertz = Field(4e6, gt=0, description="Of every radio.")
    center_frequency_hz: Hertz = Field(2.45e9, gt=0, description="Carrier of every radio.")
    rx_antennas: int = Field(1, ge=1, le=4, description="Antennas of the receiver.")
    bus: BusConfig = BusConfig()
    radio: RadioConfig = RadioConfig()
    rx: ReceptionConfig = ReceptionConfig()
    feedback: FeedbackConfig = FeedbackConfig()
    control: ControlConfig = ControlConfig()
    semantic: SemanticConfig = SemanticConfig()
    video: VideoConfig = VideoConfig()
    burst: BurstConfig = BurstConfig()
    guard: GuardConfig = GuardConfig()
    waveform: WaveformConfig = WaveformConfig()
    air: AirConfig = AirConfig()

    @model_validator(mode="before")
    @classmethod
    def _hand_down(cls, values: Any) -> Any:
        """Copy the shared values into `waveform` and `air`; refuse a second, different one."""
        if not isinstance(values, dict):
            return values
        values = dict(values)

        def top(name: str) -> Any:
            return _number(name, values.get(name, cls.model_fields[name].default))

        shared = {n: top(n) for n in ("sample_rate_hz", "center_frequency_hz", "rx_antennas")}
        for section, extra in (
            ("waveform", {"users": top("users")}),
            ("air", {"seed": top("seed"), "channel": top("channel")}),
        ):
            given = values.get(section)
            if given is not None and not isinstance(given, dict | BaseModel):
                raise ValueError(f"{section} is {short_value(given)} and must be a section with option names")
            given = given.model_dump() if isinstance(given, BaseModel) else dict(given or {})
            for name, value in {**shared, **extra}.items():
                if name in given and _number(name, given[name]) != value:
                    raise ValueError(
                        f"{section}.{name} is {short_value(given[name])} and the run's {name} is "
                        f"{short_value(value)}; set it once, at the top level"
                    )
                given[name] = value
            values[section] = given
        if values.get("captions") is not None:
            values["waveform"].setdefault("bits_bytes", CAPTION_BYTES)
        radio = values.get("radio")
        amplitude = radio.get("tx_amplitude") if isinstance(radio, dict) else getattr(radio, "tx_amplitude", None)
        if amplitude is None:
            amplitude = RadioConfig.model_fields["tx_amplitude"].default
        with contextlib.suppress(
            TypeError, ValueError, OverflowError, ZeroDivisionError
        ):  # the field's own validation says it better
            level = float(amplitude) ** 2 * _mean_link_power(values["air"].get("links"), int(top("users")))
            values["air"]["noise_power"] = level * 10 ** (-float(top("snr_db")) / 10)
        return values

    @field_validator("sample_rate_hz", "center_frequency_hz")
    @classmethod
    def _in_hertz(cls, hz: float, info: ValidationInfo) -> float:
        """2.4 is no carrier: who writes it means GHz."""
        carrier = info.field_name == "center_frequency_hz"
        least = LEAST_CARRIER_HZ if carrier else LEAST_RATE_HZ
        if hz < least:
            meant = (larger_unit if carrier else larger_rate)(hz, least)
            raise ValueError(f"{info.field_name} is {hz:g} Hz and must be at least {least:g} Hz{meant}")
        return hz

    @field_validator("sharing", mode="before")
    @classmethod
    def _a_way_of_sharing(cls, value: Any) -> Any:
        """Also as the number that YAML makes of it."""
        text = f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else value
        if isinstance(text, str) and text != AUTO:
            try:
                named = Sharing.named(text)
            except ModelError as error:
                raise ValueError(f"sharing is {short_value(value)} and must be auto, or: {error}") from None
            if named.channels is not None:
                raise ValueError(f"sharing is {short_value(value)}, but channels are given by codec_channels")
        return text

    @model_validator(mode="after")
    def _groups_of_all_users(self) -> "RunConfig":
        groups = self.codec_sharing.groups
        if groups is not None and len(groups) != self.users:
            raise ValueError(f"sharing {self.sharing} groups {len(groups)} users, but there are {self.users}")
        return self

    @model_validator(mode="after")
    def _captures_of_one_picture(self) -> "RunConfig":
        if self.rx.capture and self.burst.pictures != 1:
            raise ValueError(
                f"rx.capture needs burst.pictures 1, but it is {self.burst.pictures}: a row has one picture"
            )
        return self

    @model_validator(mode="after")
    def _a_source_for_each(self) -> "RunConfig":
        if (named := len(self.video.sources)) not in (0, 1, self.users):
            raise ValueError(f"video.sources names {named} sources for {self.users} users; one, or one each")
        return self

    @model_validator(mode="after")
    def _a_wanted_power_for_each(self) -> "RunConfig":
        wanted = self.control.wanted_power_db
        if wanted and (len(wanted) != self.users or not all(abs(power) <= 60 for power in wanted)):
            raise ValueError(
                f"control.wanted_power_db is {list(wanted)} and must be a power from -60 to 60 dB for each of "
                f"{self.users} users, or empty"
            )
        return self

    @model_validator(mode="after")
    def _one_for_all_or_for_each(self) -> "RunConfig":
        for name, given in (("modalities", self.modalities), ("sources", self.sources)):
            if len(given) not in (0, 1, self.users):
                raise ValueError(f"{name} is {list(given)} and must name one for all users, or {self.users}")
        return self

    @model_validator(mode="after")
    def _what_only_pictures_have(self) -> "RunConfig":
        other = next((name for name in self.modalities if name != PICTURE), None)
        for name, chosen in (("video", bool(self.video.sources)), ("cancel", self.cancel)):
            if chosen and other is not None:
                raise ValueError(f"{name} is of pictures; it cannot be had in a run with the modality {other}")
        if other is not None and self.codec_channels is not None and not self.sends_pictures:
            raise ValueError(f"codec_channels is of a codec of pictures, but all users send {other}")
        if fault := self.semantic.fault(self.users, other, self.cancel):
            raise ValueError(fault)
        return self

    def modality_of(self, user: int) -> str:
        """What this user sends."""
        return self.modalities[user % len(self.modalities)] if self.modalities else PICTURE

    def source_of(self, user: int) -> str:
        """Where this user's items come from; '' where nothing is said of another modality than pictures."""
        named = self.sources[user % len(self.sources)] if self.sources else ""
        return named or (self.images if self.modality_of(user) == PICTURE else "")

    @property
    def sends_pictures(self) -> bool:
        return any(self.modality_of(user) == PICTURE for user in range(self.users))

    @property
    def noise_power(self) -> float:
        """Thermal noise power per channel use when all users together arrive with unit power."""
        return 10 ** (-self.snr_db / 10)

    @property
    def codec_sharing(self) -> Sharing:
        """How users share the payload, for codecs that leave it open; with auto, before anything is known."""
        return replace(Sharing.named("parted" if self.sharing == AUTO else self.sharing), channels=self.codec_channels)

    def digest(self) -> str:
        """SHA-256 over what every node must agree on (not: addresses, radios, frames, output)."""
        local: dict[str, Any] = {
            "bus": True,
            "rx": True,
            "radio": {"device", "transmitters", "calibration"},
            "compute_device": True,
            "images": True,
            "captions": True,
            "video": True,
            "sources": True,
        }
        facts = json.dumps(self.model_dump(mode="json", exclude=local), sort_keys=True)
        return hashlib.sha256(facts.encode()).hexdigest()[:16]


def _number(name: str, value: Any) -> Any:
    """A quantity's text as its number, so that two spellings of one value agree; all else as it is."""
    unit = unit_of(name)
    with contextlib.suppress(ValueError):  # the field's own validation says it better
        return parse_quantity(value, unit) if unit and isinstance(value, str) else value
    return value


def load_config(
    path: Path | None = None,
    overrides: dict[str, Any] | None = None,
    defaults: dict[str, Any] | None = None,
    source: str = "the command line",
) -> RunConfig:
    """Read a YAML file (or a name in configs/), lay flags over it and validate.

    overrides: dotted names to values, e.g. {"air.clock_ppm": 20}; None values are left out. defaults: the same, for
    what neither file nor overrides say.
    source: what overrides come from. Raises UsageError with a line per fault: the key, its value and what is allowed.
    """
    values: dict[str, Any] = {}
    if path is not None:
        values = _read_yaml(path)
        source = f"{path} and {source}" if any(value is not None for value in (overrides or {}).values()) else str(path)
    for name, value in (overrides or {}).items():
        if value is not None:
            _set(values, name, value)
    for name, value in (defaults or {}).items():
        if not _is_set(values, name):
            _set(values, name, value)
    return validated(values, source)


def validated(values: dict[str, Any], source: str) -> RunConfig:
    """A configuration of nested values. Raises UsageError that names `source` and all faults, each on a line."""
    try:
        return read(RunConfig, values, _given_once)
    except Faults as faults:
        raise FaultyInput(source, faults) from None


def _read_yaml(path: Path) -> dict[str, Any]:
    path = named_file(path)
    try:
        values = yaml_values(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid YAML: {' '.join(str(error).split())}.") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UsageError(f"{path} holds a {type(values).__name__}; a mapping of option names is needed.")
    return values


def _set(values: dict[str, Any], dotted: str, value: Any) -> None:
    *parents, last = dotted.split(".")
    for name in parents:
        values = values.setdefault(name, {})
        if not isinstance(values, dict):
            raise UsageError(f"{dotted} cannot be set: {name} is not a section.")
    values[last] = value


def _is_set(values: Any, dotted: str) -> bool:
    for name in dotted.split("."):
        if not isinstance(values, dict) or name not in values:
            return False
        values = values[name]
    return True


def _given_once(faults: list[Any]) -> list[Any]:
    """The faults less those of a shared value that is found again below."""
    shared = {fault["loc"][0] for fault in faults if len(fault["loc"]) == 1}
    handed_down = (("waveform",), ("air",))
    return [f for f in faults if f["loc"][:1] not in handed_down or not shared.intersection(f["loc"][1:])]


def _mean_link_power(links: Any, users: int) -> float:
    """Mean power gain over the users; those without a link of their own have the default one."""
    given = [one if isinstance(one, LinkConfig) else LinkConfig.model_validate(one) for one in links or ()][:users]
    return (sum(link.mean_power for link in given) + users - len(given)) / users
