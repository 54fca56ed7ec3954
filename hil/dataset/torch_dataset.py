"""Captures as a torch data set."""

from collections.abc import Sequence
from pathlib import Path

from hil.dataset.items import CaptureItems, Where
from hil.errors import UsageError

try:
    import torch
    from torch.utils.data import Dataset
except ImportError:
    raise UsageError("CaptureDataset needs torch; hil.dataset.items.CaptureItems does the same in numpy.") from None


class CaptureDataset(Dataset[dict[str, torch.Tensor]]):
    """Slots as dictionaries of tensors by field name, for a DataLoader with any number of workers.

    Arguments, shapes and errors are those of `CaptureItems`; types are those of the file (complex64, float64, ...).
    """

    def __init__(
        self,
        paths: Path | str | list[Path | str] | tuple[Path | str, ...],
        fields: Sequence[str] | None = None,
        *,
        frames_only: bool = True,
        where: Where | None = None,
    ) -> None:
        self.items = CaptureItems(paths, fields, frames_only=frames_only, where=where)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, place: int) -> dict[str, torch.Tensor]:
        return {name: torch.as_tensor(value) for name, value in self.items[place].items()}
