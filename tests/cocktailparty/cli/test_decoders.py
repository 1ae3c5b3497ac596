import pytest

from cocktailparty.cli.decoders import DECODERS, NEURAL, find_decoder
from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.evaluation.comparing import compare
from cocktailparty.report.comparison import compare_and_report


@pytest.fixture(scope="module")
def simulated():
    trials = simulate_two_talkers(n_trials=6, n_channels=6, snr=-20, random_state=0).trials
    return [trial.replace(story=str(i // 2)) for i, trial in enumerate(trials)]


LINEAR = {name: make for name, make in DECODERS.items() if name not in NEURAL}


def test_the_named_decoders_can_be_made():
    for make in LINEAR.values():
        parameters = make(128.0).get_params()
        rates = [value for name, value in parameters.items() if name.endswith("sfreq")]
        assert rates == [128.0]


def test_the_named_decoders_decode(simulated):
    decoders = {name: make(64.0) for name, make in LINEAR.items()}
    table = compare(decoders, simulated, windows=[20])
    right = table.groupby("decoder")["n_correct"].sum()
    assert sorted(right.index) == sorted(LINEAR)
    assert (right >= 15).all()  # of 18


def test_decoders_without_a_regressor_or_a_pattern_can_be_reported(simulated, tmp_path, undrawn):
    decoders = {name: DECODERS[name](64.0) for name in ("adaptive", "lasso")}
    html = compare_and_report(decoders, simulated, tmp_path, windows=[20]).report.read_text()
    assert "Pattern of adaptive" in html
    assert "Pattern of lasso" not in html


def test_penalties_are_chosen_alike():
    grids = {
        name: next((v for k, v in parameters.items() if k.endswith("alpha")), None)
        for name, parameters in ((name, make(64.0).get_params()) for name, make in LINEAR.items())
    }
    assert grids["ridge"] == grids["ridge-late"] == grids["laplacian"] == grids["cca"]
    assert len(grids["lasso"]) == len(grids["ridge"]) == 7


def test_without_labels_means_that_there_is_something_to_find_out():
    trials = simulate_two_talkers(n_trials=2, n_channels=4, random_state=0).trials
    alone = [trial.replace(stimuli=trial.stimuli[:1], attended=0) for trial in trials]
    with pytest.raises(ValueError, match=r"single stimulus.*AttentionDecoder"):
        DECODERS["adaptive"](64.0).fit(alone)


def test_a_decoder_is_found_by_name_or_in_a_module():
    assert find_decoder("cca") is DECODERS["cca"]
    assert find_decoder("cocktailparty.cli.decoders:ridge") is DECODERS["ridge"]
    with pytest.raises(ValueError, match="unknown decoder 'psychic', known are ridge"):
        find_decoder("psychic")
    with pytest.raises(ValueError, match="has no function 'DECODERS'"):
        find_decoder("cocktailparty.cli.decoders:DECODERS")
    with pytest.raises(ImportError, match="no_such"):
        find_decoder("no_such:thing")


def test_networks_are_known_by_what_they_are():
    pytest.importorskip("jax")
    made = {name: DECODERS[name](64.0).get_params() for name in NEURAL}
    assert made["siglip"]["preset"] == made["siglip-no-contrast"]["preset"] == "default"
    assert made["siglip-thesis"]["preset"] == "thesis"
    assert [made[name]["network"] for name in ("vlaai", "linear-head")] == ["vlaai", "linear"]
    without = {name for name in NEURAL if not made[name]["contrast_weight"]}
    assert without == {"siglip-no-contrast", "vlaai", "linear-head"}
    assert {parameters["random_state"] for parameters in made.values()} == {0}
