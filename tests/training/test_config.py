"""Configurations: what is refused and how, overrides, and the resolved file."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from venule.errors import ConfigError, UsageError
from venule.training.config import PretrainConfig, TrainConfig
from venule.training.config_file import parse_config, read_config
from venule.training.run import to_toml

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs").rglob("*.toml"))
PUBLISHED = [path for path in CONFIGS if path.parent.name == "published"]
CLASSIFIERS = [path for path in CONFIGS if path.stem.endswith("-classifier")]

CROPS = {"name": "a", "input": {"crop_px": 64}}


SOURCES = [{"dataset": "drive", "split": "train"}]


def parse(**values: Any) -> TrainConfig:
    return parse_config({**CROPS, **values}, TrainConfig, source="a.toml")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text('[data]\ndataset = "drive"\n[input]\ncrop_px = 64\n', encoding="utf-8")
    return path


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_resolved_file_of_every_configuration_reads_back_the_same(
    path: Path, tmp_path: Path
) -> None:
    kind = PretrainConfig if path in CLASSIFIERS else TrainConfig
    config = read_config(path, (), kind)
    resolved = tmp_path / "config.toml"
    resolved.write_text(to_toml(config.model_dump(mode="json")), encoding="utf-8")
    assert read_config(resolved, (), kind) == config


def test_every_configuration_bears_the_name_of_its_file() -> None:
    named = {path: tomllib.loads(path.read_text(encoding="utf-8"))["name"] for path in CONFIGS}
    assert named == {path: path.stem for path in CONFIGS}


def test_every_run_that_a_published_configuration_starts_from_has_a_configuration() -> None:
    texts = [path.read_text(encoding="utf-8") for path in PUBLISHED]
    sources = [tomllib.loads(text).get("network", {}).get("pretrained") for text in texts]
    named = [Path(source) for source in sources if source is not None]
    assert {source.parent for source in named} == {Path("runs")}
    assert {source.name for source in named} <= {path.stem for path in PUBLISHED}


def test_pretrained_and_fresh_experiments_differ_in_weights_and_length_alone() -> None:
    paths = [path for path in PUBLISHED if path.stem.endswith("-pretrained")]
    assert paths
    for path in paths:
        fresh = path.stem.removesuffix("-pretrained").removesuffix("-synthetic")
        ours = read_config(path, (), TrainConfig)
        other = read_config(path.with_name(f"{fresh}.toml"), (), TrainConfig)
        length = {"epochs": 1, "published_epochs": 1, "early_stopping_after": 0}
        alike = [
            config.model_copy(
                update={
                    "name": "",
                    "network": config.network.model_copy(update={"pretrained": None}),
                    "schedule": config.schedule.model_copy(update=length),
                }
            )
            for config in (ours, other)
        ]
        assert alike[0] == alike[1], path.stem


@settings(deadline=None)
@given(st.text(), st.lists(st.floats(allow_nan=False, allow_infinity=False)), st.integers())
def test_any_text_and_number_survives_the_resolved_file(
    text: str, numbers: list[float], number: int
) -> None:
    # TOML is UTF-8, in which half of a surrogate pair cannot be written.
    text = text.encode("utf-8", "ignore").decode("utf-8")
    values = {"text": text, "part": {"numbers": numbers, "deep": {"on": True, "n": number % 2**63}}}
    assert tomllib.loads(to_toml(values)) == values


def test_settings_that_are_none_are_left_out_of_the_resolved_file() -> None:
    assert "protocol" not in to_toml(parse().model_dump(mode="json"))


def test_an_unknown_key_suggests_the_nearest_known_one() -> None:
    with pytest.raises(
        ConfigError, match=r"^a\.toml: unknown key 'schedule\.epoch'; did you mean 's"
    ):
        parse(schedule={"epoch": 3})


def test_a_key_in_no_section_suggests_the_one_in_its_section() -> None:
    with pytest.raises(ConfigError, match=r"'batch_size'; did you mean 'schedule\.batch_size'"):
        parse(batch_size=3)


def test_an_unknown_key_like_none_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"unknown key 'zzz'; known: name, "):
        parse(zzz=3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"schedule": {"epochs": 0}},
            "schedule.epochs: Input should be greater than or equal to 1",
        ),
        (
            {"optimizer": {"kind": "lion"}},
            "optimizer.kind: Input should be 'adam', 'adamw' or 'sgd'",
        ),
        ({"input": {"crop_px": 100}}, "input.crop_px: crop_px = 100: use a multiple of 32"),
        ({"input": {"crop_px": 64, "resize_px": 64}}, "excludes crop_px and fov_px; set one"),
        ({"input": {"fov_px": 64, "resize_px": 64}}, "excludes crop_px and fov_px; set one"),
        ({"input": {}}, "set crop_px .* or resize_px"),
        ({"input": {"crop_px": 64, "std": [0.1, 0.1, 0]}}, "input.std.2: .* greater than 0"),
        ({"name": "a/b"}, "name: String should match"),
        (
            {"data": {"val": [{"dataset": "drive", "split": "val", "maps": "soft"}]}},
            "data.val: maps are for training only; validate against the annotation",
        ),
        (
            {"data": {"val": [{"dataset": "drive", "split": "val", "crops_per_image": 2}]}},
            "data.val: crops_per_image is for training",
        ),
        (
            {"data": {"dataset": "folders=mine", "train": SOURCES, "val": []}},
            "data: dataset is of a train or val that is the name of a split, and both are lists",
        ),
        ({"data": {"expert": "second", "train": SOURCES, "val": SOURCES}}, "data: expert is of"),
        (
            {"data": {"train": [{"dataset": "drive", "splitt": "train"}]}},
            "unknown key 'data.train.splitt'; did you mean 'data.train.split'",
        ),
        ({"data": {"train": [{"dataset": "drive"}]}}, "data.train.0.split: Field required"),
        ({"data": {"train": 3}}, "data.train: Input should be a valid string"),
        (
            {"augmentation": {"low_resolution_fov_px": [0]}},
            "low_resolution_fov_px.0: .* equal to 32",
        ),
        ({"augmentation": {"blur_p": 1, "blur_sigma_px": 30}}, "input; lower blur_sigma_px$"),
        ({"optimizer": {"betas": [0.9, 1.5]}}, "optimizer.betas.1: .* less than 1"),
        ({"optimizer": {"clip_norm": float("inf")}}, "clip_norm: .* a finite number"),
        ({"data": {"val": []}, "schedule": {"early_stopping": 3}}, "early_stopping: counts"),
        ({"data": {"val": []}, "scheduler": {"kind": "plateau"}}, "plateau: watches"),
        ({"scheduler": {"kind": "multistep"}}, "scheduler: kind = multistep needs milestones"),
        ({"scheduler": {"milestones": [-2]}}, "scheduler.milestones.0: .* equal to 1"),
        (
            {"input": {"resize_px": 64}, "augmentation": {"low_resolution_fov_px": [48]}},
            "augmentation.low_resolution_fov_px: is for crops",
        ),
    ],
)
def test_a_bad_value_is_one_line_with_its_key(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        parse(**values)
    assert "\n" not in str(caught.value)


def test_a_shift_is_free_where_the_whole_photograph_is_the_input() -> None:
    config = parse(input={"resize_px": 64}, augmentation={"shift": 0.4, "scale": 0.5})
    assert config.augmentation.shift == 0.4


def test_a_file_without_a_name_takes_its_own(file: Path) -> None:
    assert read_config(file, (), TrainConfig).name == "mine"


def test_overrides_are_typed_as_in_toml_and_strings_need_no_quotes(file: Path) -> None:
    overrides = (
        "schedule.epochs=7",
        "optimizer.learning_rate=1e-2",
        "schedule.freeze_batch_norm=true",
        "scheduler.milestones=[3, 5]",
        "data.dataset=drive=/some/where",
        "network.options.width=8",
        'name="quoted"',
        "network.pretrained=weights/file.safetensors",
    )
    config = read_config(file, overrides, TrainConfig)
    assert config.schedule.epochs == 7
    assert config.optimizer.learning_rate == 0.01
    assert config.schedule.freeze_batch_norm
    assert config.scheduler.milestones == (3, 5)
    assert config.data.dataset == "drive=/some/where"
    assert config.network.options == {"width": 8}
    assert config.network.pretrained == "weights/file.safetensors"
    assert config.name == "quoted"


def test_none_takes_a_setting_away(file: Path) -> None:
    overrides = ("input.crop_px=none", "input.resize_px=96")
    config = read_config(file, overrides, TrainConfig)
    assert (config.input.crop_px, config.input.resize_px) == (None, 96)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("schedule.epochs", "expected key=value"),
        ("=3", "expected key=value"),
        ("name.first=3", "name is a value, not a section"),
        ("data.dataset.path=3", "dataset is a value, not a section"),
        ("schedule.epochs=many", "schedule.epochs: Input should be a valid integer"),
    ],
)
def test_a_bad_override_is_one_line(file: Path, override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_config(file, (override,), TrainConfig)


@pytest.mark.parametrize("override", ["data.dataset=2024", "name=2024-01-01", "licence=2.0"])
def test_text_that_toml_takes_for_a_number_or_a_date_is_told_how_to_be_text(
    file: Path, override: str
) -> None:
    with pytest.raises(ConfigError, match="a valid string; put it in double quotes"):
        read_config(file, (override,), TrainConfig)
    key, _, text = override.partition("=")
    found: Any = read_config(file, (f'{key}="{text}"',), TrainConfig).model_dump()
    for part in key.split("."):
        found = found[part]
    assert found == text


def test_a_file_that_is_not_there_or_not_toml_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read \(No such file"):
        read_config(tmp_path / "none.toml", (), TrainConfig)
    (tmp_path / "bad.toml").write_text("a = = 1")
    with pytest.raises(ConfigError, match=r"bad\.toml: not valid TOML"):
        read_config(tmp_path / "bad.toml", (), TrainConfig)


def test_every_alias_of_the_command_line_is_a_known_key(file: Path) -> None:
    from venule.cli.train import ALIASES, _with_aliases

    values = {"--data": "20\x7f24", "--epochs": 2, "--lr": 0.5, "--batch": 3, "--imgsz": 96}
    assert set(values) == set(ALIASES)
    overrides = _with_aliases(["input.crop_px=none"], values)
    config = read_config(file, overrides, TrainConfig)
    assert config.data.dataset == "20\x7f24"  # as it is, not as TOML
    assert (config.schedule.epochs, config.schedule.batch_size) == (2, 3)
    assert config.optimizer.learning_rate == 0.5
    assert config.input.resize_px == 96


def test_an_alias_beside_its_key_is_a_usage_error() -> None:
    from venule.cli.train import _with_aliases

    with pytest.raises(UsageError, match=r"--lr and optimizer\.learning_rate are the same setting"):
        _with_aliases(["optimizer.learning_rate=1"], {"--lr": 0.5})


def test_a_data_set_beside_one_list_is_that_of_the_other_part() -> None:
    data = parse(data={"dataset": "hrf", "train": SOURCES}).data
    assert [source.dataset for source in (*data.sources("train"), *data.sources("val"))] == [
        "drive",
        "hrf",
    ]
