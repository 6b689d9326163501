"""DeepLabV3 (Chen et al. 2017, arXiv:1706.05587) with torchvision's ResNet trunks."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn
from torchvision.models.segmentation import deeplabv3_resnet50, deeplabv3_resnet101

from venule.errors import ConfigError
from venule.models.base import PooledBatchNorm2d, SegmentationModel, require_positive

BUILDERS = {"resnet50": deeplabv3_resnet50, "resnet101": deeplabv3_resnet101}


@dataclass(frozen=True, kw_only=True)
class DeepLabV3Config:
    """Shape of a DeepLabV3: its ResNet, the auxiliary head on stage 3, the output maps."""

    backbone: Literal["resnet50", "resnet101"] = "resnet50"
    auxiliary: bool = True
    classes: int = 1

    def __post_init__(self) -> None:
        if self.backbone not in BUILDERS:
            raise ConfigError(f"backbone = {self.backbone!r}: use one of {', '.join(BUILDERS)}")
        require_positive("classes", self.classes)

    def build(self) -> "DeepLabV3":
        return DeepLabV3(self)


class DeepLabV3(SegmentationModel):
    """torchvision's DeepLabV3 at output stride 8, its parameter names kept behind `network.`.

    The ASPP's image pooling leaves one value per channel of each image; its batch norm falls back
    on the running statistics where a batch holds one image (`PooledBatchNorm2d`).

    forward: (N, 3, H, W) float32 -> (N, C, H, W) logits, for any H and W.
    """

    def __init__(self, config: DeepLabV3Config) -> None:
        super().__init__()
        self.backbone = config.backbone
        network = BUILDERS[config.backbone](
            weights=None,
            weights_backbone=None,
            num_classes=config.classes,
            aux_loss=config.auxiliary,
        )
        _pool_norms(network)
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(x)["out"]
        return logits

    def training_logits(self, x: Tensor) -> tuple[Tensor, ...]:
        outputs = self.network(x)
        return (outputs["out"], outputs["aux"]) if "aux" in outputs else (outputs["out"],)


def _pool_norms(network: nn.Module) -> None:
    """Put the norm that survives batch size 1 behind the global pooling of the ASPP."""
    for module in network.modules():
        if isinstance(module, nn.Sequential) and any(
            isinstance(child, nn.AdaptiveAvgPool2d) for child in module
        ):
            for name, child in module.named_children():
                if isinstance(child, nn.BatchNorm2d):
                    module._modules[name] = PooledBatchNorm2d(child.num_features)
