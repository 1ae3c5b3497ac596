import importlib

import pytest

from cocktailparty.moved import MOVED


@pytest.mark.parametrize("former", MOVED)
def test_a_former_name_gives_what_the_new_one_has(former):
    with pytest.warns(DeprecationWarning, match=f"{former} is {MOVED[former]} now"):
        old = importlib.reload(importlib.import_module(former))
    new = importlib.import_module(MOVED[former])
    names = [name for name in vars(new) if not name.startswith("__")]
    assert names
    assert all(getattr(old, name) is getattr(new, name) for name in names)
    with pytest.raises(AttributeError):
        old.nonsense  # noqa: B018


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_former_imports_of_scripts_work():
    # What scripts took from each, whatever the table says.
    former = {
        "cnmf.evidence": "attend",
        "cnmf.masking": "wiener_masks",
        "cocktailparty.clusters": "cluster_test",
        "cocktailparty.comparison": "compare_and_report",
        "cocktailparty.decoder": "AttentionDecoderMixin",
        "cocktailparty.decoding.following": "ScoreModel",
        "cocktailparty.leakage": "shared_stimuli",
        "cocktailparty.montages": "with_montage",
        "cocktailparty.patterns": "mean_pattern",
        "cocktailparty.permutation": "permutation_test",
        "cocktailparty.recordings.audio.files": "read_audio",
        "cocktailparty.same_sound": "SoundIndex",
        "cocktailparty.saving": "load_model",
        "cocktailparty.summary": "summarise",
        "cocktailparty.tested_trials": "units",
        "cocktailparty.timeline": "plot_decisions",
        "cocktailparty.verdict": "findings",
        "linear_aad.tracking": "AttentionTracker",
    }
    assert set(former) == set(MOVED)
    assert all(hasattr(importlib.import_module(name), own) for name, own in former.items())
