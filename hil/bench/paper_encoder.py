"""The paper-size encoder through ONNX Runtime against torch, in turns in the same run, on one core."""

import tempfile
import time
from pathlib import Path

import numpy as np


def bench_paper_encoder(runs: int = 7, users: int = 2) -> dict[str, float]:
    """Median milliseconds for one image of 32x32 and their ratio. Speed does not depend on what weights hold, so
    they are fresh. The two take turns, so that other work on the machine slows both alike.
    """
    import onnxruntime as ort
    import torch

    from models.codecs.registry import build_codec
    from models.export.onnx_file import write_onnx

    torch.set_num_threads(1)
    torch.manual_seed(1)
    encoder = build_codec("convnext", {"users": users, "side_size": 3}).encoder.eval()
    example = (torch.rand(1, 3, 32, 32), torch.tensor([0]), torch.rand(1, 3))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "encoder.onnx"
        write_onnx(encoder, example, ["image", "user", "side"], "latent", (None, None, None), path)
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    taken = {node.name for node in session.get_inputs()}
    fed = dict(zip(("image", "user", "side"), (part.numpy() for part in example), strict=True))
    fed = {name: value for name, value in fed.items() if name in taken}
    spent_ms: dict[str, list[float]] = {"onnx": [], "torch": []}
    with torch.inference_mode():
        calls = {"onnx": lambda: session.run(None, fed), "torch": lambda: encoder(*example)}
        for call in calls.values():
            call()
        for _ in range(runs):
            for name, call in calls.items():
                start = time.perf_counter()
                call()
                spent_ms[name].append(1e3 * (time.perf_counter() - start))
    onnx_ms, torch_ms = (float(np.median(spent_ms[name])) for name in ("onnx", "torch"))
    return {
        "paper_encoder_onnx_ms_32": onnx_ms,
        "paper_encoder_torch_ms_32": torch_ms,
        "paper_onnx_to_torch_over": onnx_ms / torch_ms,
    }
