"""The typed, frozen configuration of a training run; `config_file` reads it from TOML."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from venule.data.augment import AugmentationConfig
from venule.data.case import Expert
from venule.image.illumination import Illumination
from venule.image.preprocess import FovScaled, Native, Preprocessing, Square
from venule.image.tiles import Tiling
from venule.metrics.metric import selecting_metrics
from venule.models.record import Calibration, ComponentRules


class Section(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """A section of a configuration; unknown keys are errors."""


Share = Annotated[float, Field(ge=0, lt=1)]

Positive = Annotated[float, Field(gt=0)]

Epoch = Annotated[int, Field(ge=1)]


class SourceConfig(Section):
    """One split of one data set among several."""

    dataset: str
    protocol: str | None = None
    split: str
    expert: Expert = "first"
    crops_per_image: int | None = Field(default=None, ge=1)  # instead of input.crops_per_image
    maps: str | None = None  # folder of soft pseudo-labels, instead of the annotation


class DataConfig(Section):
    """Images for training and validation: splits of `dataset`, or lists of sources.

    Without `val` nothing is validated: a fixed schedule runs to its end.
    """

    dataset: str = "drive"
    protocol: str | None = None
    train: str | tuple[SourceConfig, ...] = "train"
    val: str | tuple[SourceConfig, ...] = "val"
    expert: Expert = "first"

    @field_validator("val")
    @classmethod
    def _by_annotation(
        cls, value: str | tuple[SourceConfig, ...]
    ) -> str | tuple[SourceConfig, ...]:
        sources = () if isinstance(value, str) else value
        if any(source.maps for source in sources):
            raise ValueError("maps are for training only; validate against the annotation")
        if any(source.crops_per_image for source in sources):
            raise ValueError("crops_per_image is for training; validation uses whole photographs")
        return value

    @model_validator(mode="after")
    def _used(self) -> Self:
        if isinstance(self.train, str) or isinstance(self.val, str):
            return self
        for name in ("dataset", "protocol", "expert"):
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(
                    f"{name} is of a train or val that is the name of a split, and both are lists "
                    "here; set it in their sources"
                )
        return self

    def sources(self, part: Literal["train", "val"]) -> tuple[SourceConfig, ...]:
        """The splits for training or validation, in whichever form they are given."""
        given: str | tuple[SourceConfig, ...] = getattr(self, part)
        if not isinstance(given, str):
            return given
        return (
            SourceConfig(
                dataset=self.dataset, protocol=self.protocol, split=given, expert=self.expert
            ),
        )


class NetworkConfig(Section):
    """A network of `models.zoo.MODELS`, with options for its shape, and initial weights."""

    model: str = "ddrnet23-slim"
    options: dict[str, Any] = {}
    pretrained: str | None = None


class InputConfig(Section):
    """The network's input: the whole photograph resized to a square (`resize_px`), or `crop_px`."""

    resize_px: int | None = Field(default=None, ge=32)
    crop_px: int | None = Field(default=None, ge=32)
    fov_px: int | None = Field(default=None, ge=32)
    crops_per_image: int = Field(default=1, ge=1)
    correct_illumination: bool = False
    normalize: Literal["fov", "fixed"] = "fov"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[Positive, Positive, Positive] = (0.229, 0.224, 0.225)
    tiling: Tiling = Tiling()

    @field_validator("crop_px")
    @classmethod
    def _multiple_of_32(cls, value: int | None) -> int | None:
        if value is not None and value % 32:
            raise ValueError(f"crop_px = {value}: use a multiple of 32, such as 256")
        return value

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.resize_px and (self.crop_px or self.fov_px):
            raise ValueError(
                "resize_px squares the whole photograph and excludes crop_px and fov_px; set one"
            )
        if not self.resize_px and not self.crop_px:
            raise ValueError(
                "set crop_px (training on crops) or resize_px (on squared photographs)"
            )
        return self

    def _scaling(self, largest_px: int | None) -> Native | Square | FovScaled:
        if self.resize_px is not None:
            return Square(side_px=self.resize_px)
        if self.fov_px is not None:
            return FovScaled(diameter_px=self.fov_px, largest_px=largest_px)
        if largest_px is not None:
            raise ValueError("output.largest_fov_px: set input.fov_px too, to no more than that")
        return Native()

    def preprocessing(self, *, largest_px: int | None = None) -> Preprocessing:
        """The preprocessing saved with the weights; fields of view may grow to `largest_px`."""
        return Preprocessing(
            scaling=self._scaling(largest_px),
            illumination=Illumination() if self.correct_illumination else None,
            normalize=self.normalize,
            mean=self.mean,
            std=self.std,
        )


class LossConfig(Section):
    """The loss, computed inside the field of view."""

    kind: Literal["bce", "cross_entropy", "dice", "bce_dice", "focal", "cldice"] = "bce_dice"
    pos_weight: float = Field(default=1.0, gt=0)  # of vessel pixels, in bce, bce_dice and cldice
    dice_weight: float = Field(default=0.5, ge=0)  # of Dice against BCE, of clDice against both
    focal_gamma: float = Field(default=2.0, ge=0)
    auxiliary_weight: float = Field(default=0.4, ge=0)  # of each auxiliary head
    # Weight of the cross-entropy between classes, at pixels that belong to exactly one.
    exclusive_weight: float = Field(default=0.0, ge=0)


class OptimizerConfig(Section):
    """The optimiser; `momentum` applies to SGD, `betas` to Adam and AdamW."""

    kind: Literal["adam", "adamw", "sgd"] = "adamw"
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    betas: tuple[Share, Share] = (0.9, 0.999)
    clip_norm: float | None = Field(default=None, gt=0)


class SchedulerConfig(Section):
    """The learning-rate schedule; plateau and multistep update per epoch, the others per step.

    `patience` and `milestones` refer to `schedule.published_epochs`, where given, and are scaled in
    proportion if `schedule.epochs` is smaller.
    """

    kind: Literal["constant", "plateau", "multistep", "cosine", "one_cycle", "poly"] = "constant"
    factor: float = Field(default=0.1, gt=0, lt=1)  # plateau, multistep
    patience: int = Field(default=10, ge=0)  # plateau; counted in validated epochs
    watch: Literal["val_loss", "mean_loss"] = "val_loss"  # plateau; the mean of both losses
    milestones: tuple[Epoch, ...] = ()  # multistep, in epochs
    warmup: float = Field(default=0.2, gt=0, lt=1)  # one_cycle: fraction of the steps
    power: float = Field(default=0.9, gt=0)  # poly

    @model_validator(mode="after")
    def _has_its_steps(self) -> Self:
        if self.kind == "multistep" and not self.milestones:
            raise ValueError("kind = multistep needs milestones, such as [60, 80]")
        return self


class ScheduleConfig(Section):
    """Epochs, batch size and precision of a training run."""

    epochs: int = Field(default=100, ge=1)
    published_epochs: int | None = Field(default=None, ge=1)  # fewer `epochs` compress the schedule
    batch_size: int = Field(default=8, ge=1)
    accumulate: int = Field(default=1, ge=1)
    validate_every: int = Field(default=1, ge=1)
    checkpoint_every: int = Field(default=1, ge=1)  # epochs between checkpoints
    early_stopping: int | None = Field(default=None, ge=1)  # validations without improvement
    early_stopping_after: int = Field(default=0, ge=0)  # initial epochs in which none is counted
    monitor: str = "dice"  # for early stopping
    ema_decay: float | None = Field(default=None, gt=0, lt=1)
    freeze_batch_norm: bool = False
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    workers: int = Field(default=0, ge=0)
    seed: int = Field(default=0, ge=0)


class OutputConfig(Section):
    """Settings saved with the weights; the threshold applies if nothing is validated."""

    threshold: float = Field(default=0.5, gt=0, lt=1)
    threshold_source: str = "given in the configuration"
    largest_fov_px: int | None = Field(default=None, gt=0)  # limit of the network's input
    activation: Literal["sigmoid", "softmax"] = (
        "sigmoid"  # softmax: a pixel belongs to at most one class
    )
    calibration: Calibration = Calibration()
    components: ComponentRules = ComponentRules()


class TrainConfig(Section):
    """One training run."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    licence: str = "not stated"
    data: DataConfig = DataConfig()
    network: NetworkConfig = NetworkConfig()
    input: InputConfig
    augmentation: AugmentationConfig = AugmentationConfig()
    loss: LossConfig = LossConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    scheduler: SchedulerConfig = SchedulerConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    output: OutputConfig = OutputConfig()

    def preprocessing(self) -> Preprocessing:
        """The preprocessing saved with the weights: that of training, with its upper size limit."""
        return self.input.preprocessing(largest_px=self.output.largest_fov_px)

    @field_validator("schedule")
    @classmethod
    def _monitors_segmentation(cls, value: ScheduleConfig) -> ScheduleConfig:
        names = ("loss", *selecting_metrics())
        if value.monitor not in names:
            raise ValueError(f"monitor = {value.monitor}: use one of {', '.join(names)}")
        return value

    @model_validator(mode="after")
    def _wide_enough(self) -> Self:
        self.preprocessing()
        if self.augmentation.low_resolution_fov_px and self.input.resize_px:
            raise ValueError(
                "augmentation.low_resolution_fov_px: is for crops, not for input.resize_px, which "
                "uses the whole photograph; leave it out, or set input.crop_px"
            )
        side = self.input.crop_px or self.input.resize_px or 0
        if side <= self.augmentation.reach_px:
            raise ValueError(
                f"augmentation: its blur reaches {self.augmentation.reach_px} px, beyond {side} px "
                "of input; lower blur_sigma_px"
            )
        return self

    @model_validator(mode="after")
    def _validates_if_asked(self) -> Self:
        if not self.data.val and self.schedule.early_stopping is not None:
            raise ValueError(
                "schedule.early_stopping: counts validations, and data.val = [] has none; leave it "
                "out, or name images to validate on"
            )
        if not self.data.val and self.scheduler.kind == "plateau":
            raise ValueError(
                "scheduler.kind = plateau: watches a validation loss, and data.val = [] gives "
                "none; use another kind, or name images to validate on"
            )
        return self


class ClassPhotographsConfig(Section):
    """Photographs in one folder per class, and their augmentation."""

    folder: str
    val_share: float = Field(default=0.1, gt=0, lt=1)  # of each class, if there is no val/
    crop_px: int = Field(default=224, ge=32)
    least_area: float = Field(default=0.08, gt=0, le=1)  # of the crop, as a fraction
    most_area: float = Field(default=1.0, gt=0, le=1)
    horizontal_flip_p: float = Field(default=0.5, ge=0, le=1)
    brightness: float = Field(default=0.4, ge=0, lt=1)  # factor 1 - brightness .. 1 + brightness
    contrast: float = Field(default=0.4, ge=0, lt=1)  # factor, as for brightness
    saturation: float = Field(default=0.4, ge=0, lt=1)  # factor, as for brightness
    hue: float = Field(default=0.0, ge=0, le=0.5)  # turns of the colour circle
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[Positive, Positive, Positive] = (0.229, 0.224, 0.225)

    @model_validator(mode="after")
    def _least_first(self) -> Self:
        if self.least_area > self.most_area:
            raise ValueError(
                f"least_area = {self.least_area:g}: must not be above most_area = "
                f"{self.most_area:g}"
            )
        return self


# Subclasses with their own defaults, so that changing one setting leaves the others unchanged.
class PretrainOptimizerConfig(OptimizerConfig):
    """The optimiser of a pretraining; by default ImageNet's usual one, 0.1 per batch of 256."""

    kind: Literal["adam", "adamw", "sgd"] = "sgd"
    learning_rate: float = Field(default=0.025, gt=0)
    weight_decay: float = Field(default=1e-4, ge=0)


class PretrainSchedulerConfig(SchedulerConfig):
    """The learning-rate schedule of a pretraining."""

    kind: Literal["constant", "plateau", "multistep", "cosine", "one_cycle", "poly"] = "cosine"


class PretrainScheduleConfig(ScheduleConfig):
    """Epochs, batch size and precision of a backbone's pretraining."""

    batch_size: int = Field(default=64, ge=1)
    monitor: Literal["loss", "accuracy"] = "accuracy"


class PretrainConfig(Section):
    """One pretraining of a DDRNet's backbone as a classifier."""

    name: str = Field(default="pretrain", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    licence: str = "not stated"
    data: ClassPhotographsConfig
    network: NetworkConfig = NetworkConfig()
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    optimizer: PretrainOptimizerConfig = PretrainOptimizerConfig()
    scheduler: PretrainSchedulerConfig = PretrainSchedulerConfig()
    schedule: PretrainScheduleConfig = PretrainScheduleConfig()
