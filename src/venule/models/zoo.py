"""The only list of networks in the project."""

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any

from venule.errors import ConfigError
from venule.models.base import ModelConfig
from venule.models.d4_resunet import D4ResUNetConfig
from venule.models.ddrnet import DDRNetConfig
from venule.models.deeplabv3 import DeepLabV3Config
from venule.models.resunet import ResUNetConfig

MODELS: dict[str, ModelConfig] = {
    "ddrnet23-slim": DDRNetConfig(width=32),
    "ddrnet23": DDRNetConfig(width=64, head_width=128),
    "deeplabv3-resnet50": DeepLabV3Config(backbone="resnet50"),
    "deeplabv3-resnet101": DeepLabV3Config(backbone="resnet101"),
    "resunet": ResUNetConfig(),
    "d4-resunet": D4ResUNetConfig(),
}


def model_config(name: str, options: Mapping[str, Any]) -> ModelConfig:
    """The named network's configuration with `options` changed.

    Raises:
        ConfigError: unknown name or option (with the nearest known one), or an invalid value.
    """
    if name not in MODELS:
        raise ConfigError(f"network {name!r} is unknown; {_nearest(name, list(MODELS))}")
    config = MODELS[name]
    assert dataclasses.is_dataclass(config)
    known = [field.name for field in dataclasses.fields(config)]
    for option in options:
        if option not in known:
            raise ConfigError(f"{name} has no option {option!r}; {_nearest(option, known)}")
    try:
        return dataclasses.replace(config, **options)
    except (ConfigError, TypeError, ValueError) as error:
        raise ConfigError(f"{name}: {error}") from None


def _nearest(name: str, known: list[str]) -> str:
    match = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {match[0]!r}?" if match else f"known: {', '.join(known)}"
