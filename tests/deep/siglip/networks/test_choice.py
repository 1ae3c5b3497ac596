import pytest

from deep.siglip.networks.ablations import LinearHead, SmallVlaai
from deep.siglip.networks.choice import network_class, samples_after
from deep.siglip.networks.lagged import LaggedNetwork
from deep.siglip.networks.thesis import ThesisNetwork


@pytest.mark.parametrize(
    ("preset", "network", "expected", "n_after"),
    [
        ("default", "siglip", LaggedNetwork, 4),
        ("thesis", "siglip", ThesisNetwork, 0),
        ("default", "vlaai", SmallVlaai, 8),
        ("thesis", "linear", LinearHead, 4),
    ],
)
def test_networks_by_name_and_how_far_they_look_ahead(preset, network, expected, n_after):
    assert network_class(preset, network) is expected
    assert samples_after(expected, 5) == n_after
