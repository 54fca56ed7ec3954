"""`semnoma-hil run`: an experiment, all points of a plan's grid, into one table."""

import json
from pathlib import Path

import click
from rich.console import Console


@click.command("run")
@click.argument("plan_path", metavar="PLAN", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder.  [experiments/NAME]")
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Points at a time.")
@click.option("--ray-address", metavar="ADDRESS", help="Run on this Ray cluster, e.g. 10.0.0.5:6379.")
@click.option("--check", is_flag=True, help="Validate the plan, list its points, start nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON and nothing else.")
def command(plan_path: Path, out: Path | None, jobs: int, ray_address: str | None, check: bool, as_json: bool) -> None:
    """Run every point of PLAN (a YAML file, or a name in configs/plans) and write one Parquet table.

    The same command goes on after any interruption, and does nothing twice.

    \b
    Examples:
      semnoma-hil run snr-sweep
      semnoma-hil run plan.yaml --out sweep1 --jobs 2
      semnoma-hil run plan.yaml --ray-address 10.0.0.5:6379
      semnoma-hil report sweep1
    """
    from hil.experiments.grid import unfold
    from hil.experiments.plan import load_plan
    from hil.experiments.run import check_points, run_experiment

    plan = load_plan(plan_path)
    if check:
        points = unfold(plan)
        check_points(points, jobs, ray_address)
        listed = [{"id": point.id, "images": point.images, **point.axes} for point in points]
        click.echo(json.dumps(listed) if as_json else "\n".join(f"{p.id} {p.label}" for p in points))
        return
    folder = out or Path("experiments") / plan.name
    console = Console(stderr=True, quiet=as_json)
    facts = run_experiment(plan, folder, jobs=jobs, ray_address=ray_address, console=console)
    if as_json:
        click.echo(json.dumps(facts))
        return
    click.echo(f"table: {facts['table']} ({facts['rows']} rows of {facts['points']} points)")
    click.echo(f"next: semnoma-hil report {folder}")
