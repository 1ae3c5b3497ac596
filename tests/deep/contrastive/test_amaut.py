import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deep.contrastive.amaut import AMAuT
from deep.contrastive.panns import front_of
from tests.deep.contrastive.sounds import SFREQ, classifier, clips


@pytest.mark.parametrize(
    ("backbone", "sfreq", "n_fft", "hop", "n_mels", "n_samples", "n_classes", "expected"),
    [
        ("amaut-words", 16000, 1024, 155, 80, 16000, 35, 103_072_070),
        ("amaut-voices", 16000, 1024, 154, 64, 160000, 6, 97_005_989),
        ("amaut-scenes", 44100, 2048, 300, 64, 441000, 13, 100_976_556),
    ],
)
def test_parameters_are_as_many_as_published(
    backbone, sfreq, n_fft, hop, n_mels, n_samples, n_classes, expected
):
    """Counted without making any."""
    front = {"sfreq": sfreq, "n_fft": n_fft, "hop": hop, "n_mels": n_mels, "f_min": 0,
             "f_max": sfreq / 2}  # fmt: skip
    model, _ = eqx.filter_eval_shape(
        eqx.nn.make_with_state(AMAuT), backbone, front, n_samples, key=jax.random.key(0)
    )
    n = sum(x.size for x in jax.tree.leaves(model) if isinstance(x, jax.ShapeDtypeStruct))
    # The published layer for words has a length for the weights of each class as well.
    layer = (model.n_embedding + 1 + (backbone == "amaut-words")) * n_classes
    assert n + layer == expected


def test_a_small_one_embeds_a_clip_by_its_shape():
    model, state = eqx.filter_eval_shape(
        eqx.nn.make_with_state(AMAuT), "amaut-small", front_of(8000), 4800, width=0.5,
        key=jax.random.key(0),
    )  # fmt: skip

    def embed(model, state, x):
        run = jax.vmap(
            lambda x: model(x, state=state, key=jax.random.key(0)), axis_name="batch",
            out_axes=(0, None),
        )  # fmt: skip
        return run(x)[0]

    x = jax.ShapeDtypeStruct((3, 4800), jnp.float32)
    assert eqx.filter_eval_shape(embed, model, state, x).shape == (3, 128)


def test_it_refuses_weights_of_others():
    with pytest.raises(ValueError, match="pretrained weights are those of PANNs, got backbone"):
        classifier(backbone="amaut-small", pretrained="w.pth").fit(*clips()[:2])


@pytest.mark.slow
def test_a_classifier_learns_with_it_and_adapts():
    from deep import TestTimeAdapter

    x, y, _ = clips(32)
    fitted = classifier(
        backbone="amaut-small", width=0.25, clip_duration=0.4, max_epochs=20, sfreq=SFREQ
    ).fit(x, y)
    assert fitted.score(x, y) > 0.9
    adapted = TestTimeAdapter(fitted, gate=None, batch_size=8, min_clips=8).partial_fit(x)
    assert np.isfinite(adapted.predict_proba(x)).all()
    assert adapted.history_[-1]["n_steps"] == 1
