"""Videos made by PyAV, whose every picture is known."""

from fractions import Fraction

import numpy as np

av = __import__("pytest").importorskip("av", reason='PyAV is not installed: pip install "semnoma-hil[video]"')


def pictures(n, width=64, height=48, seed=0):
    """uint8 [n, height, width, 3]: smooth, each with a level of its own, so that one can be told from the next."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    base = 60 * np.sin(2 * np.pi * x / width)[..., None] + 40 * np.cos(2 * np.pi * y / height)[..., None]
    tint = rng.integers(-10, 10, 3)
    return np.stack([np.clip(70 + 120 * i / max(1, n - 1) + base + tint, 0, 255) for i in range(n)]).astype(np.uint8)


def write(path, shots, fps=10, codec="libx264", form=None, pix_fmt="yuv444p", times_s=None, rotation=None, **options):
    """A video of the pictures, nearly without loss; times_s: when each is shown."""
    height, width = shots[0].shape[:2]
    settings = {"qp": "1", "preset": "ultrafast"} if codec == "libx264" else {}
    with av.open(str(path), "w", format=form) as container:
        stream = container.add_stream(codec, rate=fps, options=settings | options)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        if times_s is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        if rotation is not None:
            stream.set_display_rotation(rotation)
        for number, pixels in enumerate(shots):
            kind = {2: "gray", 4: "rgba"}.get(pixels.ndim if pixels.ndim == 2 else pixels.shape[2], "rgb24")
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=kind)
            if times_s is not None:
                frame.pts, frame.time_base = round(1000 * times_s[number]), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_sound(path):
    """Half a second of a tone, and nothing to see."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        stream.layout = "mono"
        tone = np.sin(2 * np.pi * 440 * np.arange(8192) / 16000).astype(np.float32)[None]
        for part in np.split(tone, 8, axis=1):
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            frame.sample_rate = 16000
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def read(path):
    """(times in s, uint8 [n, H, W, 3]) of a video, by PyAV alone."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return [frame.time for frame in frames], np.stack([frame.to_ndarray(format="rgb24") for frame in frames])


def psnr_db(one, other):
    return 10 * np.log10(255**2 / max(1e-9, np.mean((one.astype(float) - other.astype(float)) ** 2)))
