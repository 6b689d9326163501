"""The one path from a photograph to its vessel map."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from venule.errors import UsageError
from venule.image.arrays import RGB, FloatMap, Mask, check_mask, check_rgb
from venule.image.fov import FieldOfView, find_fov, given_fov
from venule.image.pieces import lower_small_pieces
from venule.image.preprocess import preprocess, restore, scale_mask
from venule.image.tiles import Run, predict_tiled
from venule.models.record import ModelRecord, Postprocessing
from venule.quality.assess import Quality, assess


@dataclass(frozen=True, kw_only=True, eq=False)
class Prediction:
    """What was found in one photograph, at the photograph's own size.

    Attributes:
        maps: probability by class name, each (H, W) float32 in 0..1, 0 outside the field of view.
        fov: (H, W) bool, the field of view that was used.
        threshold: probability from which a pixel counts as vessel.
        quality: grade with reasons, and uncertainty; None where it was not assessed.
    """

    maps: Mapping[str, FloatMap]
    fov: Mask
    threshold: float
    quality: Quality | None = None

    @property
    def probability(self) -> FloatMap:
        """(H, W) float32, the probability of a vessel; of several classes, the largest."""
        if "vessel" in self.maps:
            return self.maps["vessel"]
        largest: FloatMap = np.maximum.reduce(list(self.maps.values()))
        return largest

    @property
    def vessels(self) -> Mask:
        """(H, W) bool, where the probability reaches the threshold inside the field of view."""
        return (self.probability >= self.threshold) & self.fov


@dataclass(frozen=True)
class Segmenter:
    """A network with the preprocessing and threshold it was trained with.

    `run` maps (N, 3, h, w) float32 pixels to (N, C, h, w) float32 logits, C as in
    `record.classes`; PyTorch, ONNX Runtime and OpenVINO are three such functions. `runtime` says
    which one it is, in which version and precision.
    """

    record: ModelRecord
    run: Run
    runtime: str = "not stated"

    def segment(self, image: RGB, *, fov: FieldOfView | Mask | None = None) -> Prediction:
        """The vessels of one fundus photograph.

        Args:
            image: (H, W, 3) uint8, RGB.
            fov: the field of view if it is known; a (H, W) bool mask is the user's, see
                `given_fov`; found from the image if None.

        Returns:
            A prediction at the image's own size; probability is 0 outside the field of view.

        Raises:
            ImageError: `image` or `fov` has another shape or dtype, or `fov` cannot be used: no
                pixel at the network's scale, or tiny in a large frame.
        """
        check_rgb(image)
        height, width = image.shape[:2]
        if isinstance(fov, np.ndarray):
            check_mask(fov, (height, width), name="field of view")
            seen, inside = given_fov(image, fov)
        else:
            seen = find_fov(image) if fov is None else fov
            inside = seen.mask
        logits = self.logits(image, seen)
        maps = {
            name: self.finish(plane, inside)
            for name, plane in zip(self.record.classes, logits, strict=True)
        }
        threshold = self.record.threshold
        found = Prediction(maps=maps, fov=inside, threshold=threshold)
        shown = FieldOfView(inside, seen.outline, seen.fields)
        return replace(found, quality=assess(image, shown, found.probability, threshold=threshold))

    def logits(self, image: RGB, fov: FieldOfView) -> FloatMap:
        """What the network says, at its own scale: (C, h, w) float32; arguments as of `segment`."""
        pixels = preprocess(image, fov, self.record.preprocessing)
        return predict_tiled(pixels, self.run, self.record.tiling)

    def finish(self, logits: FloatMap, fov: Mask) -> FloatMap:
        """The map of one class at the photograph's size, from its (h, w) logits."""
        after = self.record.postprocessing
        height, width = fov.shape
        native = restore(logits[None], (height, width))[0]
        # One array from here on: of 100 megapixels each more would take 400 MB.
        probability = np.multiply(native, np.float32(after.scale), out=_own(native, logits))
        probability += _offset(after, logits, fov)
        expit(probability, out=probability)
        probability[~fov] = 0
        if after.join_budget:
            self._join(probability, logits, fov)
        return lower_small_pieces(
            probability, fov, threshold=self.record.threshold, min_piece=after.min_piece
        )

    def _join(self, probability: FloatMap, logits: FloatMap, fov: Mask) -> None:
        """Join pieces of the map, in place; paths are looked for at the network's scale."""
        # Imported where it is needed: graphs would cost every other network's start 0.1 s.
        from venule.image.bridges import bridges, raise_paths

        after, threshold = self.record.postprocessing, self.record.threshold
        small, inside = probability, fov
        if logits.shape != fov.shape:
            small = expit(logits * np.float32(after.scale) + _offset(after, logits, fov))
            inside = scale_mask(fov, logits.shape)
        paths = bridges(small, inside, threshold=threshold, budget=after.join_budget)
        raise_paths(probability, paths, logits.shape, threshold=threshold)
        probability[~fov] = 0

    def without_pieces(self) -> "Segmenter":
        """The same network and calibration; pieces of vessels are neither joined nor dropped."""
        after = self.record.postprocessing
        plain = after.model_copy(update={"join_budget": 0.0, "min_piece": 0.0})
        return replace(self, record=self.record.model_copy(update={"postprocessing": plain}))

    def with_settings(
        self, *, threshold: float | None = None, resize_px: int | None = None
    ) -> "Segmenter":
        """The same network with another threshold, or squaring photographs to `resize_px`.

        Raises:
            UsageError: a threshold not between 0 and 1, or less than one pixel.
        """
        if threshold is not None and not 0 < threshold < 1:
            raise UsageError(f"threshold {threshold:g}: use a number between 0 and 1, such as 0.5")
        if resize_px is not None and resize_px < 1:
            raise UsageError(f"resize_px {resize_px}: use a number of pixels, such as 512")
        record = self.record
        if threshold is not None:
            record = record.model_copy(
                update={"threshold": threshold, "threshold_source": "given by the user"}
            )
        if resize_px is not None:
            scale = {"resize_px": resize_px, "fov_px": None, "largest_fov_px": None}
            preprocessing = record.preprocessing.model_copy(update=scale)
            record = record.model_copy(update={"preprocessing": preprocessing})
        return replace(self, record=record)


def _offset(after: Postprocessing, logits: FloatMap, fov: Mask) -> np.float32:
    """What is added to the logits, (h, w), of a photograph whose field of view is (H, W)."""
    finer = min(1.0, max(0.0, 2 * (fov.shape[0] / logits.shape[0] - 1)))
    return np.float32(after.offset + finer * after.finer_offset)


def _own(array: FloatMap, source: FloatMap) -> FloatMap | None:
    """`array` if it may be written to, None if it is the memory of `source`."""
    return None if np.may_share_memory(array, source) else array
