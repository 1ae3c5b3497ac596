import pytest

from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.evaluation.comparing import compare
from cocktailparty.report.comparison import compare_and_report
from linear_aad.catalogue import DECODERS

ROWS = {row.name: row for row in DECODERS}


@pytest.fixture(scope="module")
def simulated():
    trials = simulate_two_talkers(n_trials=6, n_channels=6, snr=-20, random_state=0).trials
    return [trial.replace(story=str(i // 2)) for i, trial in enumerate(trials)]


def test_the_named_decoders_can_be_made():
    for make in ROWS.values():
        parameters = make(128.0).get_params()
        rates = [value for name, value in parameters.items() if name.endswith("sfreq")]
        assert rates == [128.0]


def test_the_named_decoders_decode(simulated):
    decoders = {name: make(64.0) for name, make in ROWS.items()}
    table = compare(decoders, simulated, windows=[20])
    right = table.groupby("decoder")["n_correct"].sum()
    assert sorted(right.index) == sorted(ROWS)
    assert (right >= 15).all()  # of 18


def test_decoders_without_a_regressor_or_a_pattern_can_be_reported(simulated, tmp_path, undrawn):
    decoders = {name: ROWS[name](64.0) for name in ("adaptive", "lasso")}
    html = compare_and_report(decoders, simulated, tmp_path, windows=[20]).report.read_text()
    assert "Pattern of adaptive" in html
    assert "Pattern of lasso" not in html


def test_penalties_are_chosen_alike():
    grids = {
        name: next((v for k, v in parameters.items() if k.endswith("alpha")), None)
        for name, parameters in ((name, make(64.0).get_params()) for name, make in ROWS.items())
    }
    assert grids["ridge"] == grids["ridge-late"] == grids["laplacian"] == grids["cca"]
    assert len(grids["lasso"]) == len(grids["ridge"]) == 7


def test_the_names_say_what_is_made():
    made = {name: make(64.0).get_params() for name, make in ROWS.items()}
    assert made["ridge-late"]["regressor__averaging"] == "models"
    assert made["laplacian"]["regressor__penalty"] == "laplacian"
    assert made["ledoit-wolf"]["regressor__alpha"] == "ledoit-wolf"
    assert made["tracker"]["decoder"].get_params().keys() == made["ridge"].keys()


def test_without_labels_means_that_there_is_something_to_find_out():
    trials = simulate_two_talkers(n_trials=2, n_channels=4, random_state=0).trials
    alone = [trial.replace(stimuli=trial.stimuli[:1], attended=0) for trial in trials]
    with pytest.raises(ValueError, match=r"single stimulus.*AttentionDecoder"):
        ROWS["adaptive"](64.0).fit(alone)
