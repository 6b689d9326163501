"""Candidates of a benchmark: our models and other networks, each in a runtime."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from venule.errors import UsageError, WeightsError
from venule.image.arrays import RGB, FloatMap
from venule.image.fov import find_fov
from venule.image.tiles import Run
from venule.inference.load import RUNTIMES, load, weights_file
from venule.inference.segment import Segmenter

PEER_MULTIPLE = 32
"""Dynamic sides of a peer's input are rounded up to a multiple of this."""


@dataclass(frozen=True)
class Entry:
    """One of our models (`peer` False) or any ONNX file, and its runtime."""

    model: str
    runtime: str
    peer: bool = False


@dataclass(frozen=True)
class Candidate:
    """A loaded network.

    `segmenter` is None for a peer, of which only the network is known. `shape` is the (N, h, w) of
    a peer's input, None where dynamic.
    """

    entry: Entry
    name: str
    runtime: str
    run: Run
    segmenter: Segmenter | None = None
    shape: tuple[int | None, int | None, int | None] = (None, None, None)

    def inputs(self, photograph: RGB) -> list[FloatMap]:
        """The network's input for `photograph`: its tiles, or noise of that size for a peer."""
        if self.segmenter is None:
            return [self._noise(photograph.shape[0], photograph.shape[1])]
        seen: list[FloatMap] = []
        planes = self.segmenter.record.planes

        def look(pixels: FloatMap) -> FloatMap:
            seen.append(pixels)
            return np.zeros((1, planes, *pixels.shape[2:]), np.float32)

        replace(self.segmenter, run=look).logits(photograph, find_fov(photograph))
        return seen

    def _noise(self, height: int, width: int) -> FloatMap:
        count, rows, columns = self.shape
        free = [-(-side // PEER_MULTIPLE) * PEER_MULTIPLE for side in (height, width)]
        shape = (count or 1, 3, rows or free[0], columns or free[1])
        return np.random.default_rng(0).standard_normal(shape, np.float32)


def entries(
    models: Sequence[str], peers: Sequence[Path] = (), *, runtimes: Sequence[str] = ()
) -> list[Entry]:
    """Every model and peer in every runtime, ordered by runtime; default: those installed.

    Safetensors files and runs only run in PyTorch.

    Raises:
        WeightsError: a model or a peer is missing.
        UsageError: nothing to time, or an unknown runtime.
    """
    for runtime in runtimes:
        if runtime not in RUNTIMES:
            raise UsageError(f"runtime {runtime!r}: use one of {', '.join(RUNTIMES)}")
    found: list[Entry] = []
    chosen = list(runtimes) or ["onnx", *(["openvino"] if find_spec("openvino") else [])]
    native = [model for model in models if weights_file(model).suffix == ".safetensors"]
    for runtime in chosen:
        found += [
            Entry(model, runtime)
            for model in models
            if model not in native or runtime in ("auto", "torch")
        ]
        # A peer is a file without its network's code, and "auto" only resolves our models.
        if runtime != "torch":
            found += [
                Entry(str(peer), "onnx" if runtime == "auto" else runtime, True) for peer in peers
            ]
    if not runtimes:
        found += [Entry(model, "torch") for model in native]
    if not found:
        raise UsageError("nothing to time: name a model, or a peer in a runtime other than torch")
    return found


def open_candidate(entry: Entry, *, threads: int) -> Candidate:
    """Load the network of an entry, on the CPU.

    Raises:
        WeightsError: it cannot be read, or a peer's input is other than (N, 3, H, W) float32.
        UsageError: its runtime is not installed.
    """
    if entry.peer:
        return _open_peer(entry, threads=threads)
    segmenter = load(entry.model, device="cpu", runtime=entry.runtime, threads=threads)
    return Candidate(entry, segmenter.record.name, segmenter.runtime, segmenter.run, segmenter)


def _open_peer(entry: Entry, *, threads: int) -> Candidate:
    path = Path(entry.model)
    if entry.runtime == "onnx":
        from venule.inference.onnx_runner import OnnxRun

        onnx = OnnxRun(path, device="cpu", threads=threads)
        run: Run = onnx
        shape, types, description = onnx.input_shape, onnx.input_types, onnx.description
    else:
        from venule.inference.openvino_runner import OpenVINORun

        fp32 = entry.runtime == "openvino-fp32"
        openvino = OpenVINORun(path, threads=threads, precision="fp32" if fp32 else "native")
        run, shape, description = openvino, openvino.input_shape, openvino.description
        types = openvino.input_types
    if len(shape) != 4 or shape[1] not in (3, None) or types != ("float32",):
        raise WeightsError(
            f"{path}: its input is {shape}, {' and '.join(types)}; a peer must take images "
            "(N, 3, H, W) of float32 and nothing else"
        )
    return Candidate(entry, path.stem, description, run, None, (shape[0], shape[2], shape[3]))
