"""Holds declarations of C functions against a library's own header, by the compiler."""

import shutil
import subprocess

import pytest


def compile_with_header(declarations, header, folder, structures, field_of):
    """The header and our prototypes in one file: C refuses a prototype that differs from one that it knows.

    structures: names of types whose sizes and places of fields must be those of cffi. Skips without header or compiler.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    lines = [f"#include <{header}>", "#include <stddef.h>", "#include <stdbool.h>", "#include <stdint.h>"]
    probe = subprocess.run([compiler, "-E", "-x", "c", "-"], input=lines[0], capture_output=True, text=True)
    if probe.returncode:
        pytest.skip(f"{header} is not installed")
    lines.append(declarations)
    for name in structures:
        size, fields = field_of(name)
        lines.append(f'_Static_assert(sizeof({name}) == {size}, "{name}");')
        lines += [
            f'_Static_assert(offsetof({name}, {field}) == {offset}, "{name}.{field}");' for field, offset in fields
        ]
    source = folder / "declarations.c"
    source.write_text("\n".join(lines))
    done = subprocess.run([compiler, "-c", "-o", folder / "declarations.o", source], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def layout(ffi):
    """name -> (size, [(field, offset)]) as cffi lays a structure out."""

    def of(name):
        kind = ffi.typeof(name)
        return ffi.sizeof(name), [(field, ffi.offsetof(name, field)) for field, _ in kind.fields]

    return of
