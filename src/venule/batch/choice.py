"""The choice of a model for a run: loaded identically in every worker, and its settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from venule import __version__
from venule.analysis.analyse import Networks, in_order
from venule.batch.process import Worker, steps_for
from venule.batch.refuse import Settings
from venule.errors import UsageError
from venule.files.hashes import file_sha256, sha256_if_readable
from venule.inference.load import DEFAULT, load, require_vessels, weights_file
from venule.inference.segment import Segmenter


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """A model and how to run it; arguments as for `venule.load` and `with_settings`."""

    model: str | Path = DEFAULT
    device: str = "auto"
    checkpoint: str = "dice"
    runtime: str = "auto"
    threshold: float | None = None
    resize_px: int | None = None
    tta: bool = False

    @property
    def weights(self) -> Path:
        """The weights file."""
        return weights_file(self.model, checkpoint=self.checkpoint)

    def open(self, threads: int) -> Segmenter:
        """Load the model for a number of threads.

        Raises:
            WeightsError, UsageError: as for `load` and `Segmenter.with_settings`, or the model
                segments no vessels.
        """
        segmenter = load(
            self.model,
            device=self.device,
            checkpoint=self.checkpoint,
            runtime=self.runtime,
            threads=threads,
        )
        require_vessels(segmenter.record)
        return segmenter.with_settings(
            threshold=self.threshold, resize_px=self.resize_px, tta=self.tta
        )


def open_same(choice: ModelChoice, runtime: str, sha256: str, threads: int) -> Worker:
    """Load `choice` in a worker, provided it matches what the ledger records for every result.

    Raises:
        UsageError: the weights or the runtime are not those the run began with.
    """
    segmenter = choice.open(threads)
    require_same(choice.weights, sha256)
    if segmenter.runtime != runtime:
        raise UsageError(
            f"a worker process runs in {segmenter.runtime}, but the run began in {runtime}: "
            "a package was installed or removed meanwhile; run it again with --overwrite"
        )
    return Worker(Networks(segmenter, threads=threads))


def require_same(weights: Path, sha256: str) -> None:
    """Raise UsageError if the file has changed since it was hashed, before it was loaded."""
    if sha256_if_readable(weights) != sha256:
        raise UsageError(
            f"{weights}: has changed since the run began; run it again with --overwrite, on a "
            "file that no other program writes to"
        )


def settings_of(
    segmenter: Segmenter,
    weights_sha256: str,
    parameters: Mapping[str, object],
    outputs: Sequence[str] = ("mask",),
    columns: Sequence[str] = ("quality",),
) -> Settings:
    """The settings that results depend on; `parameters` are those chosen by the user.

    The runtime is the one actually used, with its version and precision, not the one requested:
    "auto" may resolve differently on the day the run is resumed. `networks` maps the names of the
    shipped weights that outputs and columns need, besides the vessel network, to their SHA-256.

    Raises:
        WeightsError: such weights are not part of this installation.
    """
    record = segmenter.record
    steps = in_order(steps_for(outputs, columns))
    networks = [name for step in steps if (name := step.shipped_network(segmenter)) is not None]
    return {
        "venule": __version__,
        "model": record.name,
        "model_sha256": weights_sha256,
        "networks": {name: file_sha256(weights_file(name)) for name in networks},
        "licence": record.licence,
        "runtime": segmenter.runtime,
        "threshold": {one.name: one.threshold for one in record.classes},
        "outputs": list(outputs),
        "columns": list(columns),
        "parameters": dict(parameters),
    }
