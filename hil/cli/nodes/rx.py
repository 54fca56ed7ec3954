"""`semnoma-hil rx`: the receiver node."""

import logging
from pathlib import Path
from typing import Any

import click

from hil.cli.options.answer import answer, json_option
from hil.cli.options.configuration import capture_option, config_from, node_options, record_option


@click.command("rx")
@node_options
@click.option("--device", help="Radio URI, or sim, pluto, usrp.  [sim]")
@click.option("--out", type=click.Path(path_type=Path), default=Path("run"), show_default=True, help="Results folder.")
@click.option("--resume", is_flag=True, help="Go on with the results that are there.")
@record_option
@capture_option
@click.option("--report/--no-report", default=True, help="Write summary.json and report.html at the end.")
@json_option
def command(out: Path, resume: bool, report: bool, as_json: bool, **options: Any) -> None:
    """Receive, separate, decode and score; write results to a folder.

    \b
    Examples:
      semnoma-hil rx --out run1
      semnoma-hil rx --device usrp --refine --out run2
      semnoma-hil rx --device usrp --capture iq,csi --out run3
    """
    from hil.decoding.identity import identity, keep_identity
    from hil.errors import HilError
    from hil.nodes.node import membership
    from hil.report.finish import finish_run
    from hil.results.run_folder import write_config
    from hil.results.writer import ResultWriter

    config = config_from(**options)
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO)
    writer = ResultWriter(out, resume=resume, config=config.model_dump(mode="json"))
    try:
        keep_identity(out, identity(config), resumed=bool(writer.done))
        write_config(out, config)
        with membership(config, "rx") as bus:
            from hil.nodes.receiver_setup import open_receiver  # slow: the coordinator hears this node meanwhile

            node = open_receiver(config, bus, writer)
            try:
                stop = node.run()
            finally:
                node.radio.close()
                if node.recorder is not None:
                    node.recorder.close()
            summary = finish_run(out, config) if report else {}
            if not stop.complete:
                raise HilError(stop.reason)
    finally:
        writer.close()
    facts = {"node": "rx", "complete": True, "results": out / "results.jsonl", "summary": summary}
    answer(as_json, facts, f"report: {out / 'report.html'}" if report else f"results: {out / 'results.jsonl'}")
