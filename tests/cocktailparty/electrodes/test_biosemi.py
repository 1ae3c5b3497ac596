import mne
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cocktailparty.electrodes.biosemi import (
    BIOSEMI_32,
    BIOSEMI_64,
    BIOSEMI_128,
    biosemi_names,
    head_positions,
)


@pytest.mark.parametrize("names", [BIOSEMI_32, BIOSEMI_64, BIOSEMI_128], ids=len)
def test_names_are_in_the_order_of_the_montage(names):
    montage = mne.channels.make_standard_montage(f"biosemi{len(names)}")
    assert list(names) == montage.ch_names


def test_positions_have_the_directions_of_the_montage():
    places = mne.channels.make_standard_montage("biosemi64").get_positions()["ch_pos"]
    expected = np.array([places[name] / np.linalg.norm(places[name]) for name in BIOSEMI_64])
    np.testing.assert_allclose(head_positions(BIOSEMI_64), expected, atol=1e-6)


@given(st.integers(1, 64))
def test_any_number_of_channels_is_a_subset_of_the_smallest_cap(n_channels):
    names = biosemi_names(n_channels)
    cap = BIOSEMI_32 if n_channels <= 32 else BIOSEMI_64
    order = [cap.index(name) for name in names]
    assert len(names) == n_channels
    assert order == sorted(set(order))


@pytest.mark.parametrize("n_channels", [0, 65])
def test_numbers_without_a_cap_are_refused(n_channels):
    with pytest.raises(ValueError, match=f"n_channels must be 1 to 64, got {n_channels}"):
        biosemi_names(n_channels)


def test_unknown_channels_are_named():
    with pytest.raises(ValueError, match=r"channel\(s\) \['E1'\]"):
        head_positions(["Cz", "E1"])
