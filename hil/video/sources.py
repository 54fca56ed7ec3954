"""From what a user names to a source of pictures: file, folder, camera, pipe, standard input."""

import stat
from pathlib import Path

from hil.errors import UsageError
from hil.video.container import Container
from hil.video.folder import FrameFolder
from hil.video.play import LivePictures
from hil.video.shot import Source
from hil.video_config import VideoConfig
from models.errors import ModelError
from models.suggestion import did_you_mean

CAMERA = "camera:"
STANDARD_INPUT = "-"
FOLDER_FPS = 10.0
RAW_SUFFIXES = (".raw", ".rgb", ".yuv")
DEVICES = Path("/dev")


def source_of(video: VideoConfig, user: int) -> str | None:
    """What this user sends, or None where its pictures come from elsewhere."""
    if not video.sources:
        return None
    return video.sources[user if len(video.sources) > 1 else 0]


def is_pipe(text: str) -> bool:
    """Something that can be read once, and blocks until somebody writes."""
    return text == STANDARD_INPUT or (not text.startswith(CAMERA) and Path(text).is_fifo())


def open_source(video: VideoConfig, text: str) -> Source:
    """Open what `text` names. Raises UsageError with one sentence for what cannot be opened or is no video.

    A pipe blocks until somebody writes.
    """
    form, options, rate_fps = _raw(video)
    if text == STANDARD_INPUT:
        return Container("pipe:0", "standard input", "pipe", form, options, rate_fps)
    camera = text.removeprefix(CAMERA) if text.startswith(CAMERA) else None
    if camera is None and _is_device(Path(text)):
        camera = text
    if camera is not None:
        return _camera(Path(camera), video)
    path = Path(text)
    if path.is_dir():
        try:
            return FrameFolder(path, video.rate_fps or FOLDER_FPS)
        except ModelError as error:
            raise UsageError(str(error)) from None
    if not path.exists():
        raise UsageError(f"{text} does not exist{_guess(path)}: give a video file, a folder of frames, a camera or -.")
    if path.is_fifo():
        return Container(str(path), path.name, "pipe", form, options, rate_fps)
    if not path.stat().st_size:
        raise UsageError(f"{text} is empty.")
    if path.suffix.lower() not in RAW_SUFFIXES:
        form, options, rate_fps = None, {}, None
    elif form is None:
        raise UsageError(f"{text} looks like raw frames: say their form, as in --raw rgb24,320x240,30.")
    return Container(f"file:{path}", path.name, "file", form, options, rate_fps)


def open_live(video: VideoConfig, user: int) -> LivePictures | None:
    """The pictures that this user sends live, their source being open; None where it sends others. As `open_source`."""
    text = source_of(video, user)
    if text is None:
        return None
    live = LivePictures(lambda: open_source(video, text), video)
    live.open()
    return live


def check_source(video: VideoConfig, text: str) -> float | None:
    """Whether it gives pictures, before a run starts; about how many, or None. Raises UsageError.

    Of a pipe only what can be said without reading from it, of a camera whether it can be opened.
    """
    if is_pipe(text):
        return None
    source = open_source(video, text)
    try:
        if source.kind == "file" and next(source.shots(), None) is None:
            raise UsageError(f"{text} holds no picture that can be decoded.")
        return source.expected_pictures()
    finally:
        source.close()


def cameras() -> list[str]:
    """What looks like a camera here, in the order of its numbers."""
    found = [path for path in DEVICES.glob("video*") if path.name.removeprefix("video").isdigit()]
    return [str(path) for path in sorted(found, key=lambda path: int(path.name.removeprefix("video")))]


def check_sources(video: VideoConfig, users: int) -> None:
    """Every user's source, as `check_source`; and that no two read what can be read once."""
    chosen = [text for user in range(users) if (text := source_of(video, user)) is not None]
    for text in dict.fromkeys(chosen):
        check_source(video, text)
        once = is_pipe(text) or text.startswith(CAMERA) or _is_device(Path(text))
        if once and chosen.count(text) > 1:
            what = "standard input" if text == STANDARD_INPUT else text.removeprefix(CAMERA)
            raise UsageError(f"{what} can be read by one user only; give each user a source, or --users 1.")


def _camera(path: Path, video: VideoConfig) -> Source:
    if not path.exists():
        here = cameras()
        there = f"there are {', '.join(here)}" if here else "there is none on this machine"
        raise UsageError(f"no camera {path}: {there}.")
    if not _is_device(path):
        raise UsageError(f"{path} is no camera but a {'folder' if path.is_dir() else 'file'}: give it as --video.")
    options = {"framerate": f"{video.rate_fps:g}"} if video.rate_fps else {}
    return Container(str(path), str(path), "camera", "v4l2", options, video.rate_fps)


def _is_device(path: Path) -> bool:
    try:
        return stat.S_ISCHR(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def _raw(video: VideoConfig) -> tuple[str | None, dict[str, str], float | None]:
    """FFmpeg's format, its options and the rate, of raw frames; nothing for a container."""
    if video.raw is None:
        return None, {}, None
    pixel_format, size, rate = video.raw.split(",")
    return "rawvideo", {"pixel_format": pixel_format, "video_size": size, "framerate": rate}, float(rate)


def _guess(path: Path) -> str:
    """The likeliest file in the same folder."""
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return ""
    return did_you_mean(path.name, names)
