"""The transmitter's half: numpy and ONNX Runtime. No torch."""
