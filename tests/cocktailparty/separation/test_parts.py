import numpy as np
import pytest

from cocktailparty.separation.parts import check_parts, remainder

RATE = 8000


@pytest.fixture
def mixture(rng):
    return rng.normal(size=2 * RATE)


def test_parts_come_to_the_rate_length_and_channels_of_the_mixture(mixture, rng):
    tone = np.sin(2 * np.pi * 200 * np.arange(2 * 4000) / 4000)
    parts, notes = check_parts([(tone, 4000), mixture[:-100]], mixture, RATE)
    assert parts.shape == (2, 2 * RATE)
    expected = np.sin(2 * np.pi * 200 * np.arange(2 * RATE) / RATE)
    np.testing.assert_allclose(parts[0, 100:-100], expected[100:-100], atol=0.01)
    np.testing.assert_array_equal(parts[1, :-100], mixture[:-100])
    assert notes == [
        "Part 1 was resampled from 4000 to 8000 Hz.",
        "Part 2 was filled with silence at its end, by 100 samples.",
    ]
    stereo = np.stack([mixture, -mixture], axis=1).astype(np.float32)
    other = np.append(stereo[::-1], stereo[:9], axis=0)
    parts, notes = check_parts([mixture, other], stereo, RATE)
    assert (parts.shape, parts.dtype) == ((2, 2 * RATE, 2), np.float32)
    np.testing.assert_array_equal(parts[0, :, 0], parts[0, :, 1])
    assert notes == ["Part 2 was cut at its end, by 9 samples."]
    parts, notes = check_parts([stereo[::-1] * [2, 1], mixture], mixture, RATE)
    np.testing.assert_allclose(parts[0], stereo[::-1, 0] / 2, rtol=1e-6)
    assert notes == ["Part 1 has 2 channels; their mean was taken."]


def test_what_is_odd_is_told(mixture, rng):
    other = rng.normal(size=len(mixture))
    parts = [mixture, 0 * mixture, other, 0.3 * mixture]
    _, notes = check_parts(parts, mixture, RATE)
    assert notes == ["Part 2 is silent: it cannot be chosen.", "Parts 1 and 4 are the same sound."]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: [], "2 to 8 sounds, got 0"),
        (lambda m: [m], "2 to 8 sounds, got 1"),
        (lambda m: [m] * 9, "2 to 8 sounds, got 9"),
        (lambda m: [m, m[: len(m) // 2]], "Part 2 lasts 1 s but the mixture 2 s"),
        (lambda m: [m, (m, 16000)], "Part 2 lasts 1 s"),
        (lambda m: [m, (m, -1)], "the rate of part 2 must be a positive"),
        (lambda m: [m, 0 * m], "only 1 of 2 parts sounds"),
        (lambda m: [m, m, 2 * m], "all parts are the same sound"),
        (lambda m: [m, np.where(m > 2, np.nan, m)], "Part 2 has"),
        (lambda m: [m, m[:, None, None]], "Part 2 must have shape"),
    ],
)
def test_what_is_no_part_is_refused(mixture, change, message):
    with pytest.raises(ValueError, match=message):
        check_parts(change(mixture), mixture, RATE)


def test_channels_have_to_fit(mixture, rng):
    stereo = rng.normal(size=(len(mixture), 2))
    with pytest.raises(ValueError, match="3 channels but the mixture 2"):
        check_parts([stereo, rng.normal(size=(len(mixture), 3))], stereo, RATE)


def test_the_remainder_is_a_level(mixture):
    assert remainder(mixture, 0 * mixture) == -np.inf
    assert remainder(mixture, 0.01 * mixture) == pytest.approx(-40)
