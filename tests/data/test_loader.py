"""Samples depend on (seed, epoch, index) only; shares of processes make up one epoch."""

import pickle
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision import tv_tensors

from support.drawn import make_synthetic
from support.trees import save
from venule.data.augment import AugmentationConfig, Labels, Sample
from venule.data.case import Case
from venule.data.catalog import open_dataset
from venule.data.loader import EpochBatches, Part, TrainingSet, derive_seed, training_loader
from venule.data.sample import load_sample
from venule.errors import DatasetError, ImageError
from venule.image.fov import outlined
from venule.image.preprocess import Preprocessing, Square, preprocess

EVERYTHING = AugmentationConfig(
    horizontal_flip_p=0.5, rotate_deg=180, scale=0.2, hue=0.1, noise_p=0.5, jpeg_p=0.5
)


NOTHING = AugmentationConfig()


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Case]:
    return open_dataset(
        str(make_synthetic(tmp_path_factory.mktemp("synthetic"), train=3, val=0))
    ).cases


def make_set(cases: Sequence[Case], **options: Any) -> TrainingSet:
    preprocessing = options.pop("preprocessing", Preprocessing())
    augmentation = options.pop("augmentation", EVERYTHING)
    part = {
        key: options.pop(key) for key in ("expert", "crops_per_image", "maps") if key in options
    }
    return TrainingSet(
        [Part(cases, **part)], preprocessing, augmentation, **{"crop_px": 32, **options}
    )


def same(first: Sample, second: Sample) -> bool:
    return all(torch.equal(first[key], second[key]) for key in ("pixels", "truth", "fov"))


def test_a_sample_is_the_same_in_any_order_and_from_any_generator(
    cases: Sequence[Case],
) -> None:
    forwards, backwards = make_set(cases), make_set(cases)
    keys = [(epoch, index) for epoch in (1, 2) for index in range(3)]
    first = {key: forwards[key] for key in keys}
    torch.manual_seed(12345)
    assert all(same(backwards[key], first[key]) for key in reversed(keys))


def test_seed_epoch_and_index_each_change_a_sample(cases: Sequence[Case]) -> None:
    base = make_set(cases, crops_per_image=2)
    sample = base[1, 0]
    assert not same(base[2, 0], sample)
    assert not same(base[1, 3], sample)  # another crop of the same photograph
    assert not same(make_set(cases, seed=1)[1, 0], sample)


def test_drawing_a_sample_leaves_the_global_generator_alone(cases: Sequence[Case]) -> None:
    samples = make_set(cases)
    before = torch.get_rng_state()
    samples[1, 0]
    assert torch.equal(torch.get_rng_state(), before)


# Since Python 3.12 forking is deprecated in a process with threads, as torch's has.
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_workers_give_the_same_batches_as_none(cases: Sequence[Case]) -> None:
    samples = make_set(cases, crops_per_image=2)
    epochs: list[list[Sample]] = []
    for workers in (0, 2):
        batches = EpochBatches(len(samples), 2, seed=0)
        batches.epoch = 3
        epochs.append(list(training_loader(samples, batches, workers=workers)))
    alone, shared = epochs
    assert len(alone) == len(shared) == 3
    assert all(same(a, b) for a, b in zip(alone, shared, strict=True))


def test_a_set_can_be_sent_to_workers_that_are_not_forked(cases: Sequence[Case]) -> None:
    augmentation = AugmentationConfig(
        horizontal_flip_p=0.5,
        rotate_deg=20,
        elastic_p=0.5,
        value=0.1,
        gamma=0.2,
        illumination=0.1,
        blur_p=0.5,
        noise_p=0.5,
        jpeg_p=0.5,
    )
    samples = make_set(cases, augmentation=augmentation)
    sent = pickle.loads(pickle.dumps(samples))
    assert all(same(sent[1, index], samples[1, index]) for index in range(3))


def test_the_loader_follows_the_epoch(cases: Sequence[Case]) -> None:
    samples = make_set(cases)
    batches = EpochBatches(len(samples), 3, seed=0)
    loader = training_loader(samples, batches)
    batches.epoch = 1
    (first,) = loader
    batches.epoch = 2
    (second,) = loader
    assert not same(first, second)


def test_samples_have_the_shapes_and_types_of_the_loop(cases: Sequence[Case]) -> None:
    sample = make_set(cases)[1, 0]
    assert sample["pixels"].shape == (3, 32, 32)
    assert sample["truth"].shape == sample["fov"].shape == (1, 32, 32)
    assert {value.dtype for value in sample.values()} == {torch.float32}
    assert {type(value) for value in sample.values()} == {Tensor}
    assert set(sample["fov"].flatten().tolist()) <= {0.0, 1.0}
    assert not (sample["pixels"] * (1 - sample["fov"])).any()


@pytest.mark.parametrize(
    "preprocessing",
    [Preprocessing(scaling=Square(side_px=48)), Preprocessing(), Preprocessing(normalize="fixed")],
    ids=["square", "native", "fixed"],
)
def test_without_augmentation_the_network_sees_what_it_sees_when_it_is_used(
    cases: Sequence[Case], preprocessing: Preprocessing
) -> None:
    samples = make_set(
        cases, preprocessing=preprocessing, augmentation=AugmentationConfig(), crop_px=None
    )
    for index, case in enumerate(cases):
        photograph = load_sample(case)
        expected = preprocess(photograph.image, outlined(photograph.fov), preprocessing)
        np.testing.assert_allclose(samples[1, index]["pixels"], expected, atol=1e-5)


def test_truth_is_soft_where_it_was_scaled(cases: Sequence[Case]) -> None:
    settings = Preprocessing(scaling=Square(side_px=40))  # half of the photograph's 80
    plain = make_set(cases, preprocessing=settings, augmentation=AugmentationConfig(), crop_px=None)
    truth = plain[1, 0]["truth"]
    vessels = load_sample(cases[0]).vessels
    assert vessels is not None
    assert float(truth.mean()) == pytest.approx(float(vessels.mean()), rel=0.05)
    assert ((truth > 0.1) & (truth < 0.9)).any()


def place_coded(side: int = 80) -> Sample:
    """A photograph whose red and green are each pixel's row and column plus one, in levels."""
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    image = torch.stack((rows + 1, columns + 1, torch.zeros_like(rows))).to(torch.uint8)
    truth = ((rows + columns) % 7 == 0).float()[None]
    fov = ((rows + 2 * columns) % 5 > 0).to(torch.uint8)[None]
    return {
        "image": image,
        "truth": Labels(truth),
        "fov": tv_tensors.Mask(fov),
    }


def test_a_crop_cuts_photograph_truth_and_field_of_view_at_one_place(
    cases: Sequence[Case],
) -> None:
    samples = make_set(cases, augmentation=AugmentationConfig())
    whole = place_coded()
    corners = set()
    for seed in range(60):
        torch.manual_seed(seed)
        crop = samples.draw(whole)
        rows, columns = ((crop["image"][:2] * 255).round().long() - 1).as_subclass(Tensor)
        inside = rows >= 0
        assert torch.equal(inside, columns >= 0)
        for key in ("truth", "fov"):
            plane = whole[key].as_subclass(Tensor)[0]
            cut = crop[key].as_subclass(Tensor)[0]
            assert torch.equal(cut[inside], plane[rows[inside], columns[inside]])
            assert not cut[~inside].any()
        assert float(inside.float().mean()) >= 0.75**2  # at most a quarter of each side
        corners.add((int(rows.max()), int(columns.max())))
    assert len(corners) > 40
    assert max(row for row, _ in corners) == 79
    assert min(row for row, _ in corners) < 35


def test_a_photograph_smaller_than_a_crop_is_seen_whole(cases: Sequence[Case]) -> None:
    samples = make_set(cases, augmentation=AugmentationConfig(), crop_px=128)
    for seed in range(20):
        torch.manual_seed(seed)
        rows = samples.draw(place_coded(80))["image"].as_subclass(Tensor)[0]
        assert int((rows > 0).sum()) == 80 * 80
    much_smaller = samples.draw(place_coded(40))["image"].as_subclass(Tensor)[0]
    assert (much_smaller[44:84, 44:84] > 0).all()  # in the middle


def test_parts_are_drawn_as_often_as_each_says(cases: Sequence[Case]) -> None:
    parts = [Part(cases[:1], crops_per_image=4), Part(cases[1:], crops_per_image=1)]
    samples = TrainingSet(parts, Preprocessing(), AugmentationConfig(), crop_px=None)
    assert samples.names == ["00", "01", "02"]
    assert [samples.names[place] for place in samples.order] == ["00"] * 4 + ["01", "02"]
    assert same(samples[1, 0], samples[1, 3])
    assert not same(samples[1, 4], samples[1, 5])


def test_a_smaller_camera_sees_less_and_its_annotator_keeps_thin_vessels(
    tmp_path: Path,
) -> None:
    vessels = np.zeros((160, 160), bool)
    vessels[:, 41:43] = True  # 2 of the 4 pixels that become one: half of a column
    vessels[:, 101] = True  # a quarter of one
    image = np.where(vessels[..., None], 60, (200, 160, 90)).astype(np.uint8)
    for name, pixels in (("image", image), ("label", vessels), ("fov", np.ones_like(vessels))):
        save(tmp_path / f"{name}.png", pixels)
    case = Case(
        id="a",
        image=tmp_path / "image.png",
        first=tmp_path / "label.png",
        fov=tmp_path / "fov.png",
    )
    diagonal = round(160 * 2**0.5)  # the scale where no edge of the field of view is seen
    smaller = AugmentationConfig(low_resolution_fov_px=(diagonal // 4, diagonal * 2))
    ((own, small),) = TrainingSet([Part([case])], Preprocessing(), smaller, crop_px=32).photographs
    assert own["truth"][0, 80, 41:43].tolist() == [1, 1]
    truth, light = small["truth"][0, 80], small["image"][1, 80]
    assert truth.shape == (160,)
    assert float(truth[40:44].max()) > 0.8  # 0.5 of a pixel is above the share of 0.35
    assert float(truth[90:110].max()) == 0  # 0.25 is not
    assert float(light[40:44].min()) > 0.35  # blurred from 60 / 255


def test_photographs_give_as_many_crops_as_asked_for(cases: Sequence[Case]) -> None:
    assert len(make_set(cases, crops_per_image=5)) == 15


def test_a_photograph_without_annotation_is_named(cases: Sequence[Case]) -> None:
    with pytest.raises(DatasetError, match=r"00\.png: has no annotation of the second expert"):
        make_set(cases, expert="second")


def test_maps_are_learnt_from_instead_of_the_annotation(
    cases: Sequence[Case], tmp_path: Path
) -> None:
    maps = {}
    for number, case in enumerate(cases):
        vessels = load_sample(case).vessels
        assert vessels is not None
        levels = np.where(vessels, 60_000, 1_000 * number).astype(np.uint16)
        maps[case.id] = save(tmp_path / f"{case.id}_prob.png", levels)
    soft = TrainingSet([Part(cases, maps=maps)], Preprocessing(), NOTHING, crop_px=32)
    hard = TrainingSet([Part(cases)], Preprocessing(), NOTHING, crop_px=32)
    for number in range(len(cases)):
        taught, annotated = soft[0, number], hard[0, number]
        assert torch.equal(taught["pixels"], annotated["pixels"])
        expected = torch.where(annotated["truth"] > 0, 60_000 / 65_535, number * 1_000 / 65_535)
        inside = annotated["fov"] > 0  # a crop may reach beyond the photograph
        torch.testing.assert_close(taught["truth"][inside], expected.float()[inside])


def test_smaller_cameras_annotate_where_a_map_is_above_the_share(
    cases: Sequence[Case], tmp_path: Path
) -> None:
    shape = load_sample(cases[0]).fov.shape
    smaller = AugmentationConfig(low_resolution_fov_px=(40,), low_resolution_truth_share=0.35)
    for level, taught in ((0.3, 0), (0.4, 1)):
        path = save(tmp_path / f"{level}.png", np.full(shape, round(255 * level), np.uint8))
        part = Part(cases[:1], maps={cases[0].id: path})
        ((own, small),) = TrainingSet([part], Preprocessing(), smaller, crop_px=32).photographs
        levels = own["truth"].min(), own["truth"].max()
        assert [float(value) for value in levels] == pytest.approx([level, level], abs=2e-3)
        assert (float(small["truth"].min()), float(small["truth"].max())) == (taught, taught)


def test_vessels_of_the_rim_are_learnt_though_it_is_not_shown(cases: Sequence[Case]) -> None:
    whole = make_set(cases, augmentation=NOTHING, crop_px=64)
    narrow = make_set(cases, augmentation=AugmentationConfig(narrower_fov_px=3), crop_px=64)
    hidden = 0
    for index in range(len(cases)):
        for epoch in range(5):
            seen, cut = whole[epoch, index], narrow[epoch, index]
            assert torch.equal(cut["truth"], seen["truth"])
            assert torch.equal(cut["fov"], seen["fov"])
            dark = (cut["pixels"] != seen["pixels"]).any(0)
            assert not cut["pixels"][:, dark].any()
            hidden += int(dark.sum())
    assert hidden > 0


def test_masks_of_zero_and_one_are_maps_too(cases: Sequence[Case], tmp_path: Path) -> None:
    vessels = load_sample(cases[0]).vessels
    assert vessels is not None
    path = save(tmp_path / "00_mask.png", vessels.astype(np.uint8))
    part = Part(cases[:1], maps={cases[0].id: path})
    ((view,),) = TrainingSet([part], Preprocessing(), NOTHING, crop_px=32).photographs
    np.testing.assert_array_equal(view["truth"][0].numpy() > 0.5, vessels)


def test_a_map_of_another_size_is_named(cases: Sequence[Case], tmp_path: Path) -> None:
    path = save(tmp_path / "small.png", np.zeros((10, 10), np.uint8))
    with pytest.raises(DatasetError, match=r"small\.png: 10 x 10 px, but its photograph has"):
        make_set(cases[:1], maps={cases[0].id: path})


def test_near_seeds_are_unrelated() -> None:
    seeds = {derive_seed(*parts) for parts in ((0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 0))}
    assert len(seeds) == 5
    assert all(0 <= seed < 2**63 for seed in seeds)
    differing = bin(derive_seed(0, 0, 0) ^ derive_seed(0, 0, 1)).count("1")
    assert differing > 15  # about half of 63 bits


sizes = st.integers(1, 40)
few = st.integers(1, 5)


@settings(deadline=None)
@given(length=sizes, batch_size=few, processes=few, seed=sizes, epoch=sizes)
def test_shares_of_processes_are_disjoint_and_make_up_the_batches_of_one(
    length: int, batch_size: int, processes: int, seed: int, epoch: int
) -> None:
    if length < processes:
        with pytest.raises(DatasetError, match="start fewer processes"):
            EpochBatches(length, batch_size, seed=seed, processes=processes)
        return

    def batches(**options: int) -> list[list[tuple[int, int]]]:
        share = EpochBatches(length, options.pop("size", batch_size), seed=seed, **options)
        share.epoch = epoch
        result = list(share)
        assert len(result) == len(share)
        return result

    shares = [batches(rank=rank, processes=processes) for rank in range(processes)]
    sizes = {len(batch) for share in shares for batch in share}
    assert len(sizes) == 1  # so that the mean of the processes' means is the mean of all
    assert 1 <= sizes.pop() <= batch_size
    together = [sorted(chain.from_iterable(step)) for step in zip(*shares, strict=True)]
    keys = [key for step in together for key in step]
    assert len(set(keys)) == len(keys)
    assert {epoch for epoch, _ in keys} == {epoch}
    assert all(0 <= index < length for _, index in keys)
    if length >= batch_size * processes:
        alone = batches(size=batch_size * processes)
        assert together == [sorted(step) for step in alone]
        assert len(keys) > length - batch_size * processes


@settings(deadline=None)
@given(length=st.integers(12, 40), seed=sizes)
def test_every_epoch_has_its_own_order(length: int, seed: int) -> None:
    batches = EpochBatches(length, 1, seed=seed)
    orders = []
    for epoch in (1, 2, 1):
        batches.epoch = epoch
        orders.append([index for ((_, index),) in batches])
    assert orders[0] == orders[2] != orders[1]
    assert sorted(orders[0]) == list(range(length))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"not an image")
    with pytest.raises(ImageError, match=r"a\.png"):
        make_set([Case(id="a", image=tmp_path / "a.png", first=tmp_path / "a.png")])
