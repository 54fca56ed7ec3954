"""Notebooks of the site as pages: `notebooks/NAME.ipynb` becomes `notebooks/NAME.md` and its pictures, by nbconvert.

Nothing is executed here; what a notebook shows is stored in it (`python -m tests.docs.notebooks` runs them anew).
"""

from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

HEAD = "[Download this notebook]({name}.ipynb){{ .md-button }}\n\n"


def on_files(files: Files, config: MkDocsConfig, **_: Any) -> Files:
    """Add a page for every notebook, and the pictures that it shows."""
    for file in [one for one in files if one.src_uri.endswith(".ipynb")]:
        assert file.abs_src_path is not None
        folder = file.src_uri.rpartition("/")[0]
        text, pictures = converted(Path(file.abs_src_path))
        files.append(File.generated(config, file.src_uri.removesuffix(".ipynb") + ".md", content=text))
        for name, content in pictures.items():
            files.append(File.generated(config, f"{folder}/{name}", content=content))
    return files


def converted(path: Path) -> tuple[str, dict[str, bytes]]:
    """A notebook as Markdown, and its pictures by the names that it refers to."""
    from nbconvert import MarkdownExporter

    text, resources = MarkdownExporter().from_filename(
        str(path), resources={"unique_key": path.stem, "output_files_dir": ""}
    )
    title, _, rest = text.lstrip().partition("\n")
    pictures = {Path(name).name: content for name, content in resources.get("outputs", {}).items()}
    return f"{title}\n\n{HEAD.format(name=path.stem)}{rest}", pictures
