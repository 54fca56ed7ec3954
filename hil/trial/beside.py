"""Two codecs, one after the other, over the same simulated air with the same pictures: real nodes, real waveform."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hil.scripting.run import run
from models.package.manifest import CodecManifest, load_manifest
from models.package.zoo import DEFAULT_CODEC, codec_folder


@dataclass(frozen=True)
class Trial:
    """What one codec did at one SNR. ratio: complex channel uses of a payload over the reals of a picture; psnr_db,
    ssim, ideal_psnr_db, implementation_loss_db: means over decoded pictures, None where there is none.
    """

    codec: str
    snr_db: float
    ratio: float
    pictures: int
    decoded: int
    psnr_db: float | None
    ssim: float | None
    ideal_psnr_db: float | None
    implementation_loss_db: float | None

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def try_beside(
    codec: str, out: Path, snrs_db: tuple[float, ...], users: int, settings: dict[str, Any], ours: str = DEFAULT_CODEC
) -> list[Trial]:
    """Run ``codec`` and ours at every SNR, in folders of ``out``; settings: further options of the configuration.

    A codec of ours that takes any number of symbols is given as many as the other's payload has, or all that it has.
    Raises as `hil.run` does.
    """
    brought, own = load_manifest(codec_folder(codec)), load_manifest(codec_folder(ours))
    trials = []
    for manifest, name, channels in ((brought, codec, None), (own, ours, channels_like(brought, own))):
        for snr_db in snrs_db:
            options = {"codec": name, "users": users, "snr_db": snr_db, "codec_channels": channels, "sharing": "parted"}
            options = {key: value for key, value in (settings | options).items() if value is not None}
            finished = run(options, out / f"{manifest.name}-{snr_db:g}-db")
            trials.append(_trial(manifest, channels, snr_db, finished.summary))
    return trials


def channels_like(brought: CodecManifest, own: CodecManifest) -> int | None:
    """Complex channels by which a payload of ours is as long as the other's, as near as it gets; None: it is fixed."""
    if not own.takes_any_share:
        return None
    wanted = brought.channel_use_ratio * 3 * own.stride**2
    return int(min(max(round(wanted), 1), own.latent_channels // 2))


def _trial(manifest: CodecManifest, channels: int | None, snr_db: float, summary: dict[str, Any]) -> Trial:
    ratio = manifest.channel_use_ratio if channels is None else channels / 3 / manifest.stride**2
    figures = {name: summary.get(name) for name in ("psnr_db", "ssim", "ideal_psnr_db", "implementation_loss_db")}
    return Trial(manifest.name, snr_db, ratio, summary["images_sent"], summary["images_decoded"], **figures)
