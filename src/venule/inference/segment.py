"""The single path from a photograph to its vessel map."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from venule.errors import UsageError
from venule.image.arrays import RGB, FloatMap, Mask
from venule.image.fov import FieldOfView, find_fov, given_fov, with_rim
from venule.image.levels import Levels, threshold_level, to_levels
from venule.image.photograph import Photograph, as_photograph
from venule.image.preprocess import Square, preprocess, restored_strips, sample_mask
from venule.image.tiles import Run, predict_tiled
from venule.inference.prediction import Prediction, ProbabilityMap
from venule.inference.tta import augmented
from venule.models.record import Calibration, ClassRecord, ComponentRules, ModelRecord
from venule.vessels.components import lower_small_components

AUGMENTED = ", mean of 8 symmetries"
"""The end of a runtime's name with test-time augmentation."""


@dataclass(frozen=True)
class Segmenter:
    """A network with the preprocessing and thresholds it was trained with.

    `run` maps (N, 3, h, w) float32 pixels to (N, C, h, w) float32 logits, C as in `record.planes`,
    in PyTorch, ONNX Runtime or OpenVINO. `runtime` names that runtime, its version and precision.
    """

    record: ModelRecord
    run: Run
    runtime: str = "not stated"

    def segment(
        self,
        photograph: Photograph | RGB | bytes | Path | str,
        *,
        fov: FieldOfView | Mask | None = None,
    ) -> Prediction:
        """Segment the vessels of one fundus photograph.

        Args:
            photograph: a photograph, its pixels (H, W, 3) uint8 RGB, its file or the file's bytes.
            fov: (H, W) bool, True where vessels are to be segmented, see `given_fov`, or a field of
                view already found; found from the photograph if None.

        Returns:
            A prediction at the photograph's own size; probability is 0 outside the field of view
            and its rim, see `with_rim`, and outside a given mask.

        Raises:
            ImageError: the photograph cannot be read, or it or `fov` is unusable: wrong shape or
                dtype, no pixel at the network's scale, or tiny in a large frame.
        """
        pixels = as_photograph(photograph).pixels
        if fov is None or isinstance(fov, FieldOfView):
            seen = wanted = find_fov(pixels) if fov is None else fov
            kept = with_rim(wanted.mask)
        else:
            seen, wanted = given_fov(pixels, fov)
            kept = with_rim(wanted.mask) & fov
        planes = zip(self.record.classes, self.logits(pixels, seen), strict=True)
        maps = {one.name: finish(plane, wanted.mask, one, kept=kept) for one, plane in planes}
        return Prediction(wanted, maps)

    def logits(self, pixels: RGB, fov: FieldOfView) -> FloatMap:
        """Compute the logit of each class at the network's own scale: (K, h, w) float32."""
        network_input = preprocess(pixels, fov, self.record.preprocessing)
        logits = predict_tiled(network_input, self.run, self.record.tiling)
        return _one_against_rest(logits) if self.record.activation == "softmax" else logits

    def keep_all_components(self) -> "Segmenter":
        """The same network and calibration, without reconnecting or removing components."""
        return replace(self, record=self.record.with_classes(components=ComponentRules()))

    def with_settings(
        self, *, threshold: float | None = None, resize_px: int | None = None, tta: bool = False
    ) -> "Segmenter":
        """The same network with another threshold, or with photographs resized to a square.

        With `tta` its logits are averaged over the eight symmetries of the square (test-time
        augmentation), which takes eight times as long.

        Raises:
            UsageError: a threshold not between 0 and 1, or less than one pixel.
        """
        record = self.record
        if threshold is not None:
            if not 0 < threshold < 1:
                raise UsageError(
                    f"threshold {threshold:g}: use a number between 0 and 1, such as 0.5"
                )
            given = "given by the user"
            record = record.with_classes(threshold=threshold, threshold_source=given)
        if resize_px is not None:
            if resize_px < 1:
                raise UsageError(f"resize_px {resize_px}: use a number of pixels, such as 512")
            square = {"scaling": Square(side_px=resize_px)}
            preprocessing = record.preprocessing.model_copy(update=square)
            record = record.model_copy(update={"preprocessing": preprocessing})
        if not tta:
            return replace(self, record=record)
        runtime = self.runtime + AUGMENTED
        return replace(self, record=record, run=augmented(self.run), runtime=runtime)


def finish(
    logits: FloatMap, fov: Mask, one: ClassRecord, *, kept: Mask | None = None
) -> ProbabilityMap:
    """Make the probability map of one class, (H, W) as `fov`, from its (h, w) logits.

    It is 0 outside `kept` (H, W) bool, which contains `fov`; without it, outside `fov`.
    """
    kept = fov if kept is None else kept
    offset = _offset(one.calibration, logits, fov)
    levels = np.empty(fov.shape, np.uint16)
    for rows, part in restored_strips(logits, fov.shape):
        levels[rows] = to_levels(_calibrated(part, one.calibration, offset))
    levels *= kept
    reconnected = np.empty(0, np.intp)
    if one.components.reconnection_budget:
        reconnected = _reconnect(levels, logits, fov, one)
    lower_small_components(
        levels, kept, threshold=one.threshold, min_component=one.components.min_component
    )
    reconnected = reconnected[levels.ravel()[reconnected] >= threshold_level(one.threshold)]
    return ProbabilityMap(levels, one.threshold, reconnected)


def _reconnect(levels: Levels, logits: FloatMap, fov: Mask, one: ClassRecord) -> NDArray[np.intp]:
    """Close gaps in the map, in place; paths are searched at the network's scale."""
    # Imported here, because graphs would slow the start of every other network by 0.1 s.
    from venule.vessels.reconnection import raise_paths, reconnections

    offset = _offset(one.calibration, logits, fov)
    small = _calibrated(logits.copy(), one.calibration, offset)
    inside = sample_mask(fov, (logits.shape[0], logits.shape[1]))
    small *= inside
    budget = one.components.reconnection_budget
    paths = reconnections(small, inside, threshold=one.threshold, budget=budget)
    return raise_paths(levels, fov, paths, small.shape, threshold=one.threshold)


def _calibrated(logits: FloatMap, calibration: Calibration, offset: np.float32) -> FloatMap:
    """Turn logits into probabilities, in place."""
    logits *= np.float32(calibration.scale / 2)
    logits += offset / 2
    # The logistic function via the hyperbolic tangent, which NumPy has vectorized.
    np.tanh(logits, out=logits)
    logits += 1
    logits *= np.float32(0.5)
    return logits


def _offset(calibration: Calibration, logits: FloatMap, fov: Mask) -> np.float32:
    """The offset of the logits, (h, w), of a photograph whose field of view is (H, W)."""
    finer = min(1.0, max(0.0, 2 * (fov.shape[0] / logits.shape[0] - 1)))
    return np.float32(calibration.offset + finer * calibration.resolution_bias)


def _one_against_rest(logits: FloatMap) -> FloatMap:
    """One-against-rest logits of each class, (K, h, w), from softmax logits (1 + K, h, w)."""
    others = np.empty_like(logits[1:])
    for index in range(1, len(logits)):
        others[index - 1] = logsumexp(np.delete(logits, index, axis=0), axis=0)
    return logits[1:] - others
