"""The notebooks of the site hold what they show, run as they stand, and become pages."""

import importlib.util
import os
from itertools import groupby

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed: pip install '.[docs]'")

from tests.docs.blocks import DOCS  # noqa: E402

FOLDER = DOCS / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
IN_EVERY_TEST = ("train",)  # the others start whole runs: make docs-commands
LARGEST_BYTES = 400_000


@pytest.mark.parametrize("name", NAMES)
def test_what_a_notebook_shows_is_stored_in_it(name):
    path = FOLDER / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [one for cell in code for one in cell.outputs]
    assert outputs and not [one for one in outputs if one.output_type == "error" or one.get("name") == "stderr"]
    assert path.stat().st_size < LARGEST_BYTES
    assert "/tmp/" not in path.read_text() and "site-packages" not in path.read_text()


def test_a_notebook_becomes_a_page_with_its_pictures():
    pytest.importorskip("nbconvert", reason="nbconvert is not installed: pip install '.[docs]'")
    pytest.importorskip("mkdocs", reason="mkdocs is not installed: pip install '.[docs]'")
    spec = importlib.util.spec_from_file_location("docs_notebooks", DOCS / "hooks" / "notebooks.py")
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    text, pictures = hook.converted(FOLDER / "simulate.ipynb")
    assert text.startswith("# Simulate\n") and "simulate.ipynb" in text and "```python" in text
    assert len(pictures) == 2 and all(f"]({name})" in text for name in pictures)
    assert all(content.startswith(b"\x89PNG") for content in pictures.values())


def shown(cell):
    """What a cell shows, by kind. What is printed comes in one piece or several, as the kernel's clock has it."""
    return [kind for kind, _ in groupby(one.output_type for one in cell.outputs)]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs(name, tmp_path):
    """Cell by cell, and it shows as many things as are stored in it."""
    pytest.importorskip("nbclient", reason="nbclient is not installed: pip install '.[docs]'")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed: pip install '.[docs]'")
    if name not in IN_EVERY_TEST and os.environ.get("SEMNOMA_DOCS") != "all":
        pytest.skip("starts whole runs: make docs-commands runs it")
    from tests.docs.notebooks import executed, plain

    stored = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    fresh = plain(executed(FOLDER / f"{name}.ipynb", tmp_path))
    for old, new in zip(stored.cells, fresh.cells, strict=True):
        if old.cell_type == "code":
            assert shown(new) == shown(old), old.source
