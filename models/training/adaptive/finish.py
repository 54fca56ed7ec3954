"""From an adaptive codec's training run to the codec's folder, measured and exported."""

from __future__ import annotations

import logging
from pathlib import Path

from models.errors import ModelError
from models.export.codec_folder import CodecCard, export_codec
from models.package.manifest import CodecManifest, write_manifest
from models.training.adaptive.loop import fresh_adaptive
from models.training.adaptive.measure import METHOD, measured
from models.training.config import AdaptiveTraining
from models.training.running.checkpoint import load_checkpoint
from models.training.running.matrix_optimizer import MatrixOptimizer
from models.training.running.provenance import MODEL_VERSION, provenance_of, settings_of, without_folders
from models.training.running.runner import SETTINGS_NAME

log = logging.getLogger(__name__)
SIDE_FIELDS = ["sinr_db_over_20", "sinr_spread_db_over_10", "share"]


def finish_adaptive(run: Path, folder: Path) -> CodecManifest:
    """Export the averaged codec of a run folder's checkpoint, finished or not, measured on its validation sources.

    Pictures that break are warned of and named in the manifest. Raises ModelError when ``run`` holds no run of ``train
    adaptive``.
    """
    try:
        settings = settings_of(run, AdaptiveTraining)
    except ValueError as error:
        raise ModelError(f"{SETTINGS_NAME} is not of an adaptive codec: {str(error).splitlines()[0]}.") from error
    trained = fresh_adaptive(settings)
    progress = load_checkpoint(run, trained, MatrixOptimizer(trained.codec, settings.learning_rate))
    codec = trained.averaged.eval()
    codec.decoders.load_state_dict({k: v.half().float() for k, v in codec.decoders.state_dict().items()})
    card = CodecCard(
        settings.name,
        MODEL_VERSION,
        SIDE_FIELDS,
        provenance_of("adaptive", settings, progress),
        {},
        settings.licence,
        codec.foresight.levels,
    )
    manifest = export_codec(codec, folder, card)
    if settings.validation:
        found = {without_folders(source): measured(folder, manifest, source) for source in settings.validation}
        tables = {source: one.psnr_db for source, one in found.items()}
        broken = {source: one.broken for source, one in found.items() if one.broken}
        for source, names in broken.items():
            log.warning("%d pictures of %s get worse as the SINR rises: %s", len(names), source, ", ".join(names))
        told = {"psnr_db": tables, "method": METHOD} | ({"broken": broken} if broken else {})
        manifest = manifest.model_copy(update={"metrics": manifest.metrics | told})
        write_manifest(folder, manifest)
    return manifest
