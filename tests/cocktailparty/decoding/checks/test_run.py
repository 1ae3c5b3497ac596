import pytest

from cocktailparty.catalogue import named_decoders
from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.decoding import AttentionTracker, check_attention_decoder
from cocktailparty.decoding.checks import run
from cocktailparty.decoding.checks.promises import CHECKS
from linear_aad import AttentionDecoder, BackwardTRF, CCADecoder, LaggedRegressor, SpatialDecoder
from tests.cocktailparty.decoding.checks import faulty

ROWS = named_decoders()
# Each of these compiles programs for half a minute; one that does is enough in the short run.
LONG = [name for name, row in ROWS.items() if row.needs and name != "siglip"]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in ROWS]
)
def test_every_named_decoder_keeps_its_promises(name):
    row = ROWS[name]
    if row.needs:
        pytest.importorskip("jax")
        decoder = row(64.0).set_params(max_epochs=1)
    else:
        decoder = row(64.0)
    check_attention_decoder(decoder, refuses=row.refuses)


def test_decoders_without_a_name_keep_theirs():
    from sklearn.linear_model import Ridge

    check_attention_decoder(AttentionDecoder(LaggedRegressor(Ridge(), 0, 0.1)))
    check_attention_decoder(
        SpatialDecoder(bands=[(8, 14)], n_components=1),
        refuses=["one_trial", "one_stimulus", "other_stimuli"],
    )
    check_attention_decoder(
        AttentionTracker(CCADecoder(n_components=1), cv="trial"),
        refuses=["one_trial", "one_stimulus"],
    )
    check_attention_decoder(faulty.Sound())
    check_attention_decoder(faulty.Scorer())


FAULTS = {
    "ChangesParameter": ("parameters", "Cannot clone object"),
    "FailsUnfitted": ("unfitted", "window_scores raises AttributeError"),
    "ReturnsNothing": ("training", "fit does not return the decoder"),
    "NamesBadly": ("training", r"fit sets \['learnt'\]: names of what is learnt end in _"),
    "ForgetsClasses": ("training", r"classes_ is None, expected \[0 1\]"),
    "OverwritesParameter": ("training", "fit changed parameters"),
    "GivesNaN": ("windows", "window=5, hop=None of 21 s gives NaN or infinite scores"),
    "ForgetsHop": ("windows", r"hop=2.0 of 21 s gives \(4, 2\), expected \(9, 2\)"),
    "CutsWindows": ("windows", "a window longer than the trial raises no ValueError"),
    "SweepsOtherwise": ("sweep", "windows of 5 s: scores differ by"),
    "ExceedsOne": ("correlations", "a correlation is"),
    "ReconstructsRows": ("correlations", r"reconstruct gives \(1344,\), expected \(1344, 1\)"),
    "LooksAtOthers": ("whole_trials", "one window: scores differ by"),
    "ChoosesSmallest": ("predictions", "predict gives"),
    "ScoresOtherwise": ("predictions", "score is"),
    "PeeksAtLabels": ("labels_unseen", "trials with attended=None: scores differ by"),
    "IgnoresGivenLabels": ("labels_given", "labels of the trials and labels that are given"),
    "GuessesMissingLabels": ("missing_labels", "fit with a missing label raises no ValueError"),
    "TakesAnyChannels": ("other_channels", "a channel less raises no ValueError"),
    "TakesAnyRate": ("other_rate", "another sampling rate raises no ValueError"),
    "NeedsTwoTrials": ("one_trial", "ValueError: two trials, please"),
    "TakesTwoSounds": ("other_stimuli", "ValueError: as many sounds as in training, please"),
    "Doubles": ("float32", "reconstruct gives float64 from float32"),
    "Draws": ("same_seed", "scores differ by"),
    "KeepsFunction": ("pickles", "lambda"),
    "FailsElsewhere": ("workers", "RuntimeError: not here"),
    "WritesIntoTrials": ("untouched", r"EEG or stimuli of trials \[.*\] were changed"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_by_the_check_that_is_named(fault, monkeypatch):
    check, found = FAULTS[fault]
    # Worker processes take longer to start than all other checks to run.
    needed = {"_training", f"_{check}"}
    monkeypatch.setattr(run, "CHECKS", [c for c in CHECKS if c.__name__ in needed])
    with pytest.raises(AssertionError, match=rf"(?s)^{fault} fails .*\n- {check}: .*{found}"):
        check_attention_decoder(getattr(faulty, fault)())


def test_every_check_finds_a_fault():
    found = {check for check, _ in FAULTS.values()} | {"one_stimulus", "three_stimuli"}
    assert found == {check.__name__[1:] for check in CHECKS}


def test_all_that_fails_is_told():
    with pytest.raises(AssertionError) as failed:
        check_attention_decoder(faulty.NeedsTwoSounds())
    first, *others = str(failed.value).splitlines()
    assert first == "NeedsTwoSounds fails 2 of 22 checks of attention decoders:"
    assert [line.partition(":")[0] for line in others] == ["- one_stimulus", "- three_stimuli"]
    assert isinstance(failed.value.__cause__, ValueError)


def test_without_training_the_others_are_not_run():
    with pytest.raises(AssertionError) as failed:
        check_attention_decoder(faulty.ReturnsNothing())
    assert str(failed.value).splitlines()[-1] == "The other checks need this one"


def test_what_is_refused_has_to_be_refused_in_words():
    refuses = ["one_stimulus", "three_stimuli"]
    check_attention_decoder(faulty.NeedsTwoSounds(), refuses=refuses)
    with pytest.raises(AssertionError, match="refusing one_stimulus says nothing"):
        check_attention_decoder(faulty.SaysNothing(), refuses=refuses)
    with pytest.raises(AssertionError, match="said to refuse one_trial, but it raises no ValueErr"):
        check_attention_decoder(faulty.Sound(), refuses=["one_trial"])
    with pytest.raises(ValueError, match=r"refuses=\['two'\]: unknown, known are one_trial, "):
        check_attention_decoder(faulty.Sound(), refuses=["two"])


def test_the_decoder_that_is_given_stays_unfitted():
    decoder = faulty.Sound()
    before = dict(vars(decoder))
    check_attention_decoder(decoder)
    assert vars(decoder) == before


def test_trials_of_ones_own():
    trials = simulate_two_talkers(n_trials=6, duration=10, sfreq=32, n_channels=4, random_state=0)
    trf = BackwardTRF(0, 0.1, 32, alpha="ledoit-wolf")
    check_attention_decoder(AttentionDecoder(trf), trials.trials)
    check_attention_decoder(AttentionDecoder(trf))  # at the rate of the decoder
    with pytest.raises(ValueError, match="at least 6 trials of two sounds are needed, got 5 of"):
        check_attention_decoder(AttentionDecoder(trf), trials.trials[:5])
    single = [t.replace(stimuli=t.stimuli[:1], attended=0) for t in trials.trials]
    with pytest.raises(ValueError, match=r"are needed, got 6 of \[1\] sounds"):
        check_attention_decoder(AttentionDecoder(trf), single)
    unlabelled = [t.replace(attended=None) for t in trials.trials]
    with pytest.raises(ValueError, match="have no attended label"):
        check_attention_decoder(AttentionDecoder(trf), unlabelled)
