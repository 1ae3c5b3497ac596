import pytest

from cocktailparty.cli.decoders import DECODERS, find_decoder


def test_the_named_decoders_can_be_made():
    for make in DECODERS.values():
        parameters = make(128.0).get_params()
        rates = [value for name, value in parameters.items() if name.endswith("sfreq")]
        assert rates == [128.0]


def test_a_decoder_is_found_by_name_or_in_a_module():
    assert find_decoder("cca") is DECODERS["cca"]
    assert find_decoder("cocktailparty.cli.decoders:ridge") is DECODERS["ridge"]
    with pytest.raises(ValueError, match="unknown decoder 'psychic', known are ridge"):
        find_decoder("psychic")
    with pytest.raises(ValueError, match="has no function 'DECODERS'"):
        find_decoder("cocktailparty.cli.decoders:DECODERS")
    with pytest.raises(ImportError, match="no_such"):
        find_decoder("no_such:thing")
