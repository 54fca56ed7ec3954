"""Networks to model folders: ONNX encoders, decoders, refiners, quantisation, and parity checks."""
