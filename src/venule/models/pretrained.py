"""Weights to start a training from, with an exact account of what was taken."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from venule.errors import WeightsError
from venule.models.checkpoint import read_tensors


@dataclass(frozen=True)
class Taken:
    """Which tensors of a file entered a network, and which of either did not.

    `mismatched` maps a name to the two shapes, the file's first.
    """

    source: str
    taken: tuple[str, ...]
    mismatched: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]
    unused: tuple[str, ...]
    fresh: tuple[str, ...]

    def summary(self) -> dict[str, Any]:
        """Counts and names, ready for JSON."""
        return {
            "source": self.source,
            "taken": list(self.taken),
            "mismatched": {name: list(shapes) for name, shapes in self.mismatched.items()},
            "unused_in_file": list(self.unused),
            "fresh_in_network": list(self.fresh),
        }


def load_pretrained(network: nn.Module, source: str) -> Taken:
    """Copy what fits by name and shape from a safetensors file into `network`.

    Raises:
        WeightsError: unreadable file, or one of which nothing fits.
    """
    tensors, _ = read_tensors(Path(source))
    own: dict[str, Tensor] = network.state_dict()
    taken = [name for name in own if name in tensors and tensors[name].shape == own[name].shape]
    mismatched = {
        name: (tuple(tensors[name].shape), tuple(own[name].shape))
        for name in own
        if name in tensors and name not in taken
    }
    if not taken:
        raise WeightsError(
            f"{source}: none of its {len(tensors)} tensors fits the network; `venule convert` "
            "renames those of the original DDRNet and of torchvision"
        )
    network.load_state_dict({name: tensors[name] for name in taken}, strict=False)
    return Taken(
        source=source,
        taken=tuple(taken),
        mismatched=mismatched,
        unused=tuple(name for name in tensors if name not in own),
        fresh=tuple(name for name in own if name not in taken and name not in mismatched),
    )
