"""Noise, edges and random streams have the properties that synthetic images rely on."""

import numpy as np

from venule.synth.texture import smooth_noise, soft_step, stream


def test_streams_of_a_seed_are_repeatable_and_their_names_tell_them_apart() -> None:
    first, again, other = (stream(5, name).random(4) for name in ("light", "light", "noise"))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert not np.allclose(first, stream(6, "light").random(4))


def test_smooth_noise_is_smooth_and_about_1_strong() -> None:
    noise = smooth_noise(np.random.default_rng(0), 20, (200, 400))
    assert noise.shape == (200, 400)
    assert 0.5 < noise.std() < 1.2
    assert np.abs(np.diff(noise, axis=1)).max() < 0.5


def test_a_soft_step_rises_from_0_to_1_with_a_half_in_the_middle() -> None:
    np.testing.assert_allclose(soft_step(np.array([-2.0, -1, 0, 1, 3])), [0, 0, 0.5, 1, 1])
