"""`semnoma-hil report`: a run's HTML report, or one page that compares several runs and experiments."""

from pathlib import Path

import click

from hil.cli.options.answer import answer, json_option, wrote


@click.command("report")
@click.argument(
    "folders", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, file_okay=False)
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The page of a comparison.")
@click.option("--csv", "table", type=click.Path(path_type=Path, dir_okay=False), help="Its figures as a table too.")
@json_option
def command(folders: tuple[Path, ...], out: Path | None, table: Path | None, as_json: bool) -> None:
    """Write a run's RUN/report.html anew from what it recorded.

    Of several runs one self-contained page, comparison.html: settings that differ, figures of every user with their
    confidence intervals, lost pictures by reason, the same pictures side by side. Where folders of `semnoma-hil run` are
    among them: curves over the SNR; report.html in the folder of a single experiment.

    \b
    Examples:
      semnoma-hil report run1
      semnoma-hil report run1 run2 --csv figures.csv
      semnoma-hil report experiments/snr-sweep
      semnoma-hil report run1 run2 experiments/snr-sweep --out comparison.html
    """
    from hil.experiments.table import TABLE

    if len(folders) > 1 and not any((folder / TABLE).is_file() for folder in folders):
        _side_by_side(folders, out or Path("comparison.html"), table, as_json)
        return
    if table is not None:
        from hil.errors import UsageError

        raise UsageError(f"--csv is of runs that are compared; {_why_not(folders)}.")
    from hil.experiments.comparison import build_comparison
    from hil.report import build_report

    alone = folders[0] if len(folders) == 1 else None
    if alone and out is None and not (alone / TABLE).is_file():
        page = build_report(alone)
    else:
        page = build_comparison(folders, out or (alone / "report.html" if alone else Path("comparison.html")))
    answer(as_json, {"report": page}, f"report: {page}")


def _side_by_side(folders: tuple[Path, ...], out: Path, table: Path | None, as_json: bool) -> None:
    from hil.comparing.figures import plain
    from hil.comparing.page import build_page, csv_table
    from hil.comparing.runs import read_runs
    from hil.results.durable import write_whole

    page, facts = build_page(read_runs(folders), out)
    if table is not None:
        write_whole(table, csv_table(facts))
        wrote("table", table)
    answer(as_json, {"report": page, **plain(facts)}, f"report: {page}")


def _why_not(folders: tuple[Path, ...]) -> str:
    """Why there is no table of figures."""
    if len(folders) == 1:
        return f"{folders[0]} is one"
    return "an experiment has its own table"
