"""What a capture is going to take, worked out from configuration and pictures before a node starts."""

import shutil
from pathlib import Path

from hil.config import RunConfig
from hil.dataset.layout import FILE
from hil.dataset.size import CaptureBytes, capture_bytes, no_room, size_sentence
from hil.errors import UsageError
from hil.modality.choice import open_modalities
from hil.nodes.transmitter import picture_index
from hil.session.bits_length import longest_bits
from models.images import open_images
from models.package.manifest import load_manifest
from models.package.zoo import codec_folder
from models.runtime.encoder import payload_uses, sharing_of
from radio.waveform.burst.grid import ResourceGrid


def check_capture(config: RunConfig, out: Path) -> str | None:
    """The sentence that tells size and room; None where nothing is captured.

    Raises UsageError where h5py is missing or the disk lacks room, ModelError for codec or pictures.
    """
    if not config.rx.capture:
        return None
    try:
        import h5py  # noqa: F401
    except ImportError:
        raise UsageError('--capture needs h5py: pip install "semnoma-hil[data]".') from None
    size, slots, free = plan(config), config.frames + config.feedback.probe_slots, _free(out)
    live = bool(config.video.sources)  # it ends when its pictures do: `frames` says nothing
    sentence = no_room(out / FILE, size, 1 if live else slots, free)
    if sentence:
        raise UsageError(sentence)
    return size_sentence(out / FILE, size, slots, free, endless=live)


def plan(config: RunConfig) -> CaptureBytes:
    """Bytes of a slot, with the largest picture of the run."""
    largest = max((_of_user(config, user) for user in range(config.users)), key=lambda one: one[0])
    grid = ResourceGrid(config.waveform, longest_bits(config.waveform))
    slot_samples = grid.burst_length(largest[0]) + 2 * config.radio.guard_samples
    return capture_bytes(config, config.rx.capture, slot_samples, largest)


def _of_user(config: RunConfig, user: int) -> tuple[int, int]:
    """Symbols and bytes of the user's largest item."""
    modality = open_modalities(config).get(user)
    if modality is not None:
        items = modality.load(config.source_of(user))
        uses = [modality.channel_uses(*size) for size in items.sizes(range(len(items)))]
        return max(uses), 0
    manifest = load_manifest(codec_folder(config.codec))
    if config.video.sources:
        sizes = [(config.video.height, config.video.width)]
    else:
        source = open_images(config.source_of(user), max_side_px=config.max_image_side_px)
        frames = range(min(config.frames, len(source)))
        sizes = source.sizes(sorted({picture_index(n, user, config.users, len(source)) for n in frames}))
    sharing = sharing_of(manifest, config.codec_sharing)
    symbols = max(payload_uses(manifest, sharing, height, width) for height, width in sizes)
    return symbols, max(3 * height * width for height, width in sizes)


def _free(out: Path) -> int:
    """Bytes free where the run's folder is or will be."""
    place = out.resolve()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free
