import pytest
import torch

from venule.errors import ConfigError
from venule.models.zoo import MODELS, model_config

WITH_AUXILIARY = [name for name, config in MODELS.items() if hasattr(config, "auxiliary")]
every_model = pytest.mark.parametrize("name", MODELS)


@every_model
def test_every_network_gives_a_map_per_class_at_odd_sizes(name: str) -> None:
    network = model_config(name, {"classes": 2}).build().eval()
    with torch.inference_mode():
        assert network(torch.randn(1, 3, 65, 97)).shape == (1, 2, 65, 97)


@every_model
def test_every_network_trains_on_one_image_with_a_gradient_in_every_parameter(name: str) -> None:
    network = MODELS[name].build().train()
    heads = network.training_logits(torch.randn(1, 3, 65, 97))
    assert [head.shape for head in heads] == [(1, 1, 65, 97)] * (1 + (name in WITH_AUXILIARY))
    torch.autograd.backward([head.square().mean() for head in heads])
    for parameter_name, parameter in network.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name
        # A bias before a batch norm has no effect; a kernel always has one.
        assert parameter.ndim == 1 or parameter.grad.any(), parameter_name


@pytest.mark.parametrize("name", WITH_AUXILIARY)
def test_every_network_can_do_without_its_auxiliary_head(name: str) -> None:
    with torch.device("meta"):
        network = model_config(name, {"auxiliary": False}).build()
        assert len(network.training_logits(torch.randn(2, 3, 65, 97))) == 1
    assert not [key for key, _ in network.named_parameters() if "aux" in key]


def test_an_unknown_network_suggests_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'ddrnet23-slim'"):
        model_config("ddrnet23slim", {})


def test_an_unknown_option_suggests_the_nearest() -> None:
    with pytest.raises(ConfigError, match="no option 'strides'; did you mean 'stride'"):
        model_config("ddrnet23-slim", {"strides": 2})


@pytest.mark.parametrize(
    ("name", "options", "complaint"),
    [
        ("ddrnet23-slim", {"stride": 3}, "stride = 3: use one of 1, 2, 4, 8"),
        ("ddrnet23-slim", {"stride": [2]}, "ddrnet23-slim: "),
        ("ddrnet23-slim", {"width": 0}, "width = 0: use an integer from 1"),
        ("ddrnet23-slim", {"width": 3.5}, "width = 3.5: use an integer from 1"),
        ("ddrnet23-slim", {"head_width": -1}, "head_width = -1"),
        ("ddrnet23-slim", {"context_width": 0}, "context_width = 0"),
        ("ddrnet23-slim", {"depths": [2, 2, 2]}, "give four"),
        ("ddrnet23-slim", {"depths": [2, 2, 0, 2]}, "depths = 0"),
        ("ddrnet23-slim", {"depths": 2}, "ddrnet23-slim: "),
        ("ddrnet23-slim", {"classes": 0}, "classes = 0"),
        ("resunet", {"widths": [64]}, "two levels or more"),
        ("resunet", {"widths": [64, 0, 1, 1]}, "widths = 0: use an integer from 1"),
        ("resunet", {"blocks": [1, 1]}, "blocks = [1, 1]: give 4 integers"),
        ("resunet", {"decoder_blocks": [1, -1, 1]}, "give 3 integers from 0"),
        ("deeplabv3-resnet50", {"backbone": "resnet18"}, "use one of resnet50, resnet101"),
        ("deeplabv3-resnet50", {"classes": True}, "classes = True"),
    ],
)
def test_an_impossible_option_is_one_line_that_names_network_and_option(
    name: str, options: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        model_config(name, options)
    assert complaint in str(caught.value)
    assert str(caught.value).startswith(f"{name}: ")
    assert "\n" not in str(caught.value)
