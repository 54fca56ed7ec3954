"""A folder of frames, shown one after the other in the order of their names."""

import time
from collections.abc import Iterator
from pathlib import Path

from hil.video.shot import Shot, SourceBroken
from models.errors import ModelError
from models.images import open_images


class FrameFolder:
    """rate_fps: how many pictures are shown a second. Raises ModelError for a folder without pictures."""

    kind = "file"

    def __init__(self, folder: Path, rate_fps: float) -> None:
        self.name = folder.name or str(folder)
        self._images = open_images(folder, max_side_px=16384)
        self._rate_fps = rate_fps

    def expected_pictures(self) -> float:
        return float(len(self._images))

    def shots(self) -> Iterator[Shot]:
        """Every picture of the folder."""
        for number in range(len(self._images)):
            try:
                picture = self._images[number]
            except ModelError as error:
                raise SourceBroken(str(error).rstrip(".")) from None
            yield Shot(picture.pixels, 1.0, number / self._rate_fps, time.monotonic(), number)

    def close(self) -> None:
        """Nothing is open between pictures."""
