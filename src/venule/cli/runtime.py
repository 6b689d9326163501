"""The choices of `--runtime`, light enough for `--help`."""

from enum import StrEnum


class Runtime(StrEnum):
    """Runtimes of a network; `inference.load.RUNTIMES` lists the same names."""

    auto = "auto"
    onnx = "onnx"
    openvino = "openvino"
    openvino_fp32 = "openvino-fp32"
    torch = "torch"
