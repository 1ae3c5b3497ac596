import numpy as np
import pytest

from deep.contrastive.spectra import N_OF_CLASS, SpectraOfClasses, kept_of_classes


def source_spectra(rng):
    """Spectra of four classes that differ far more from each other than within."""
    classes = np.repeat(np.arange(4), 30)
    means = 10 * rng.normal(size=(4, 12))
    return SpectraOfClasses(means[classes] + rng.normal(size=(120, 12)), classes)


@pytest.fixture
def source(rng):
    return source_spectra(rng)


def test_any_mixture_of_classes_is_near_and_noise_is_far(source, rng):
    for shares in ([1, 0, 0, 0], [0.25] * 4, [0, 0.9, 0.1, 0]):
        labels = rng.choice(4, 200, p=shares)
        spectra = source.means[labels] + rng.normal(size=(200, 12))
        assert source.distance(spectra) < 0.05
        # All bands 5 dB louder is no mixture: shares sum to one.
        assert source.distance(spectra + 5) > 0.3
    exact = np.array([[0.2, 0.3, 0.5, 0.0]]) @ source.means
    assert source.distance(exact) < 1e-3


def test_the_threshold_is_above_groups_of_one_class_and_falls_with_their_size(source, rng):
    few, many = source.threshold(4), source.threshold(50)
    assert many < few
    own = source.spectra[source.classes == 2]
    assert all(source.distance(own[rng.choice(30, 50)]) < many for _ in range(20))


def test_few_spectra_of_a_class_are_kept():
    labels = np.repeat([0, 1], [3 * N_OF_CLASS, 2])
    assert np.bincount(labels[kept_of_classes(labels)]).tolist() == [N_OF_CLASS, 2]
