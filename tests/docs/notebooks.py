"""The notebooks of the site: `python -m tests.docs.notebooks [NAME ...]` runs them anew and keeps what they show."""

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from tests.docs.blocks import DOCS, ROOT

FOLDER = DOCS / "notebooks"


def executed(path: Path, folder: Path) -> nbformat.NotebookNode:
    """A notebook as it is after all its cells were run in a folder. Raises CellExecutionError."""
    notebook = nbformat.read(path, as_version=4)
    environment = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    environment |= {"SEMNOMA_HIL_MODELS": str(folder / "models")}
    before = dict(os.environ)
    os.environ.update(environment)  # the kernel is a process of its own and inherits it
    try:
        where = {"metadata": {"path": str(folder)}}
        NotebookClient(notebook, timeout=1200, startup_timeout=300, kernel_name="python3", resources=where).execute()
    finally:
        os.environ.clear()
        os.environ.update(before)
    return notebook


def plain(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Without what differs from run to run for no reason: times, and lines on standard error."""
    for cell in notebook.cells:
        cell.metadata.clear()
        if cell.cell_type == "code":
            cell.outputs = [one for one in cell.outputs if one.get("name") != "stderr"]
    notebook.metadata = {"kernelspec": notebook.metadata.kernelspec, "language_info": {"name": "python"}}
    return notebook


def main() -> None:
    for name in sys.argv[1:] or sorted(path.stem for path in FOLDER.glob("*.ipynb")):
        path = FOLDER / f"{name}.ipynb"
        with tempfile.TemporaryDirectory() as folder:
            nbformat.write(plain(executed(path, Path(folder))), path)
        print(path)


if __name__ == "__main__":
    main()
