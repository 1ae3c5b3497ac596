import inspect

import pytest

from cocktailparty.cli.decoders import DECODERS, NEURAL
from cocktailparty.cli.spaces import SPACES, find_space


class Ends:
    """A trial that draws the first or the last of what it is offered."""

    def __init__(self, last):
        self.last = last

    def suggest_categorical(self, name, choices):
        return choices[-1 if self.last else 0]

    def suggest_float(self, name, low, high, **how):
        return high if self.last else low

    suggest_int = suggest_float


def test_every_named_decoder_can_be_searched():
    assert list(SPACES) == list(DECODERS)


@pytest.mark.parametrize("name", list(SPACES))
@pytest.mark.parametrize("last", [False, True])
def test_named_decoders_take_what_their_space_gives(name, last):
    try:
        decoder = DECODERS[name](64.0)
    except ImportError as error:
        pytest.skip(str(error))
    drawn = SPACES[name](Ends(last))
    parameters = decoder.set_params(**drawn).get_params()
    assert {key: parameters[key] for key in drawn} == drawn


def test_contrastive_spaces_are_of_the_decoder():
    siglip = pytest.importorskip("deep.siglip.estimator", exc_type=ImportError)
    known = set(inspect.signature(siglip.SigLIPDecoder).parameters)
    for name in NEURAL:
        assert set(SPACES[name](Ends(True))) <= known


def test_a_space_is_found_by_name_or_in_a_module():
    assert find_space("cca") is SPACES["cca"]
    assert find_space("cocktailparty.cli.spaces:ridge") is SPACES["ridge"]
    with pytest.raises(ValueError, match="unknown search space 'psychic', known are ridge"):
        find_space("psychic")
    with pytest.raises(ValueError, match="has no function 'SPACES'"):
        find_space("cocktailparty.cli.spaces:SPACES")
    with pytest.raises(ImportError, match="no_such"):
        find_space("no_such:thing")
