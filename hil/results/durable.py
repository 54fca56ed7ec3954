"""Atomic, durable files: written under another name, flushed to the disk, renamed."""

import os
from collections.abc import Mapping
from concurrent.futures import Executor, wait
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file atomically: readers see the old or the new content. Raises OSError."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def write_together(files: Mapping[Path, bytes], executor: Executor) -> None:
    """`write_whole` of many files, all on disk when this returns; the first OSError is raised.

    A journalling file system commits what waits at one moment in one go: flushed side by side, five small files take
    hardly longer than one. Only the flushing is left to the executor's threads: it is what waits.
    """
    opened: list[tuple[int, str]] = []
    try:
        for path, content in files.items():
            name = os.fspath(path)
            file = os.open(name + ".partial", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
            opened.append((file, name))
            if os.write(file, content) < len(content):
                raise OSError("the disk is full")
        flushing = [executor.submit(os.fsync, file) for file, _ in opened[1:]]
        try:
            for file, _ in opened[:1]:
                os.fsync(file)
        finally:
            wait(flushing)  # nothing goes on in the background when one of them fails
        for one in flushing:
            one.result()
    finally:
        for file, _ in opened:
            os.close(file)
    for _, name in opened:
        os.replace(name + ".partial", name)
