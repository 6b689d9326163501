"""The choice of a model for a run: opened alike in every worker, and what results owe to it."""

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
    """A model, and how it is to run; arguments as of `venule.load` and `with_settings`."""

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
            WeightsError, UsageError: as `load` and `Segmenter.with_settings` do, or it segments no
                vessels.
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
    """Load what `choice` names in a worker, if it is what the ledger says of every result.

    Raises:
        UsageError: the weights or the runtime are no longer those that the run began with.
    """
    segmenter = choice.open(threads)
    require_same(choice.weights, sha256)
    if segmenter.runtime != runtime:
        raise UsageError(
            f"a worker process computes in {segmenter.runtime}, but the run began in {runtime}: "
            "something was installed meanwhile; run it again with --overwrite"
        )
    return Worker(Networks(segmenter, threads=threads))


def require_same(weights: Path, sha256: str) -> None:
    """Raise UsageError if the file has changed since its hash was taken, before it was opened."""
    if sha256_if_readable(weights) != sha256:
        raise UsageError(
            f"{weights}: has changed since the run began; run it again with --overwrite, on a "
            "file that nobody writes"
        )


def settings_of(
    segmenter: Segmenter,
    weights_sha256: str,
    parameters: Mapping[str, object],
    outputs: Sequence[str] = ("mask",),
    columns: Sequence[str] = ("quality",),
) -> Settings:
    """State what results depend on beside the photograph; `parameters` are those the user chose.

    The runtime is the one that computes, with its version and precision, not the one that was
    asked for: "auto" may be another on the day the run goes on. `networks` has the SHA-256 of the
    shipped weights that outputs and columns need beside the network of vessels, by name.

    Raises:
        WeightsError: such weights did not come with this package.
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
