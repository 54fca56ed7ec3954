"""`semnoma-hil report`: a run's HTML report, or one page that compares several runs and experiments."""

from pathlib import Path

import click

from hil.cli.options.answer import answer, json_option


@click.command("report")
@click.argument(
    "folders", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, file_okay=False)
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The page of a comparison.")
@json_option
def command(folders: tuple[Path, ...], out: Path | None, as_json: bool) -> None:
    """Write a run's RUN/report.html anew from what it recorded.

    Of several runs, or of the folders of `semnoma-hil run`: one self-contained page with curves and their confidence
    intervals, tables and pictures; comparison.html here, or report.html in the folder of a single experiment.

    \b
    Examples:
      semnoma-hil report run1
      semnoma-hil report experiments/snr-sweep
      semnoma-hil report run1 run2 experiments/snr-sweep --out comparison.html
    """
    from hil.experiments.comparison import build_comparison
    from hil.experiments.table import TABLE
    from hil.report import build_report

    alone = folders[0] if len(folders) == 1 else None
    if alone and out is None and not (alone / TABLE).is_file():
        page = build_report(alone)
    else:
        page = build_comparison(folders, out or (alone / "report.html" if alone else Path("comparison.html")))
    answer(as_json, {"report": page}, f"report: {page}")
