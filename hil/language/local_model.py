"""A captioner that loads an image-to-text network, BLIP and its like, from a Hugging Face folder on this machine.

It is reached by its entry point alone, so that a transmitter without captions needs neither torch nor transformers.
Nothing is fetched, no code in the folder is run, and only safetensors weights are read.
"""

from pathlib import Path
from typing import Any

from PIL import Image

from hil.errors import UsageError
from models.images import Picture

MOST_TOKENS = 40  # of a caption


class LocalModel:
    """processor, model: of transformers, for image-to-text."""

    def __init__(self, processor: Any, model: Any) -> None:
        self._processor, self._model = processor, model

    def describe(self, picture: Picture, index: int) -> str:
        """The likeliest caption, word by word."""
        inputs = self._processor(images=Image.fromarray(picture.pixels), return_tensors="pt")
        tokens = self._model.generate(**inputs, max_new_tokens=MOST_TOKENS, do_sample=False)
        return str(self._processor.batch_decode(tokens, skip_special_tokens=True)[0]).strip()


def open_captioner(folder: str) -> LocalModel:
    """The network in a folder as `save_pretrained` writes it. Raises UsageError with one sentence."""
    if not (Path(folder) / "config.json").is_file():
        raise UsageError(
            f"captions are model:{folder}, but there is no config.json of a Hugging Face model in {folder!r}."
        )
    try:
        from transformers import AutoModelForImageTextToText, AutoProcessor
    except ImportError as error:
        raise UsageError(
            f"captions are model:{folder}, which needs more packages ({error}): pip install '.[captions]'."
        ) from None
    offline = {"local_files_only": True, "trust_remote_code": False}
    try:
        processor = AutoProcessor.from_pretrained(folder, **offline)  # nosec B615: a local folder
        model = AutoModelForImageTextToText.from_pretrained(folder, use_safetensors=True, **offline).eval()  # nosec B615
    except Exception as error:  # whatever a broken folder makes a foreign library raise
        reason = " ".join(str(error).split())[:300].rstrip(".") or type(error).__name__
        raise UsageError(f"{folder} holds no captioner that can be loaded: {reason}.") from None
    return LocalModel(processor, model)
