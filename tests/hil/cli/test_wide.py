"""Tables in files and pipes leave nothing out."""

from rich.table import Table

from hil.cli.options.wide import table_console


def table():
    found = Table(*(f"column {n}" for n in range(12)))
    found.add_row(*(f"value-{n}" for n in range(12)))
    return found


def test_a_pipe_gets_every_column(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    table_console().print(table())
    shown = capsys.readouterr().out
    assert all(f"column {n}" in shown and f"value-{n}" in shown for n in range(12))


def test_a_width_that_is_asked_for_is_kept(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    table_console().print(table())
    assert max(len(line) for line in capsys.readouterr().out.splitlines()) <= 40
