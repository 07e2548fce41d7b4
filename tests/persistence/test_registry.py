"""A name in `__all__` is enough for model files; no other class comes from them."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pytest
from model_file_cases import SMALL, X, assert_same_answers, fit, forged, loaded, refused
from numpy.testing import assert_array_equal

import skae
from skae import networks
from skae._typing import ArrayOf
from skae.detection import LikelihoodScore
from skae.estimators.base import BaseAutoencoder, NetworkParameters, Positive, fitted
from skae.persistence import TRUSTED_TYPES, _registry
from skae.persistence._registry import classes

# Names belong to the format: files of the first version hold these, and "Gaussian" in detectors,
# which must be fitted again.
NAMES = {
    *("AdversarialAutoencoder", "AutoencoderOutlierDetector", "AutoencoderTransformer"),
    *("Calibration", "ColumnScaling", "ContractiveAutoencoder", "ConvolutionalAutoencoder"),
    *("ConvolutionalNetwork", "Decoder", "DenoisingAutoencoder", "DenseNetwork", "DriftDetector"),
    *("Encoder", "Folds", "LikelihoodScore", "MahalanobisScore", "MixtureScore"),
    *("NestedAutoencoder", "ReconstructionScore", "RobustGaussians", "SequenceNetwork"),
    *("SparseAutoencoder", "VariationalAutoencoder"),
}


def test_no_name_of_the_first_version_is_lost():
    assert classes().keys() >= NAMES


def test_what_files_hold_is_trusted_in_files_of_skops():
    for cls in classes().values():
        assert f"{cls.__module__}.{cls.__qualname__}" in TRUSTED_TYPES
    with pytest.raises(AttributeError, match="no attribute 'ANYTHING'"):
        _ = skae.persistence.ANYTHING


def test_parts_are_not_looked_for_at_each_load(monkeypatch, path):
    model = fit()
    expected = classes()
    monkeypatch.setattr(_registry, "_parts_of", None)
    assert_same_answers(model, loaded(model, path))
    # What a caller does to the answer is not remembered.
    classes().clear()
    assert classes() == expected


# -- a variant that nobody has told model files of ----------------------------------------


@dataclass
class Range:
    """A part that an annotation names."""

    # Parts are classes of the package.
    __module__ = "skae.estimators._weighted"

    low: Annotated[np.ndarray, ArrayOf("float", "n_columns")]
    high: Annotated[np.ndarray, ArrayOf("float", "n_columns")]
    share: float = 1.0


class WeightedAutoencoder(NetworkParameters, BaseAutoencoder):
    """Autoencoder with a parameter and fitted attributes of its own.

    Parameters
    ----------
    factor : float, default=2.0
        A factor.
    """

    factor: Positive = 2.0
    largest_: Annotated[Any, ArrayOf("float", "n_features_in_")] = fitted()
    _ranges: list[Range] = fitted()

    def _describe_fit(self, rows, whole_fit):
        self.largest_ = np.full(self.n_features_in_, self.factor)
        self._ranges = [Range(0 * self.largest_, self.largest_)]

    def _check_consistency(self):
        super()._check_consistency()
        if self._ranges[0].high.max() > 10:
            raise ValueError("a range is too large")


@dataclass
class OwnNetwork(networks.DenseNetwork):
    """A description with a field of its own."""

    factor: float = 3.0


@pytest.fixture
def new_variant(monkeypatch):
    monkeypatch.setattr(skae, "WeightedAutoencoder", WeightedAutoencoder, raising=False)
    monkeypatch.setattr(skae, "__all__", [*skae.__all__, "WeightedAutoencoder"])
    return WeightedAutoencoder(factor=3.0, **SMALL).fit(X)


def test_a_name_in_all_is_enough(new_variant, path):
    back = loaded(new_variant, path)
    assert type(back) is WeightedAutoencoder
    assert back.factor == 3.0
    assert_array_equal(back.largest_, new_variant.largest_)
    assert_array_equal(back._ranges[0].high, new_variant._ranges[0].high)
    assert_same_answers(new_variant, back)
    assert_array_equal(loaded(back.encoder_, path).transform(X), new_variant.transform(X))
    detector = skae.AutoencoderOutlierDetector(
        WeightedAutoencoder(**SMALL), n_estimators=1, random_state=0
    ).fit(X)
    assert_array_equal(loaded(detector, path).score_samples(X), detector.score_samples(X))


def test_a_network_needs_no_more(monkeypatch, path):
    monkeypatch.setattr(networks, "OwnNetwork", OwnNetwork, raising=False)
    monkeypatch.setattr(networks, "__all__", [*networks.__all__, "OwnNetwork"])
    model = skae.AutoencoderTransformer(2, network=OwnNetwork((4,)), max_iter=1).fit(X)
    back = loaded(model, path)
    assert back.network_ == model.network_
    assert_array_equal(back.transform(X), model.transform(X))


def set_state(name, value):
    def change(manifest, arrays):
        manifest["model"]["object"][1][name] = value
        for path in [path for path in arrays if path.startswith(f"model/{name}/")]:
            del arrays[path], manifest["arrays"][path]

    return change


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (set_state("factor", -1.0), "'factor' parameter of WeightedAutoencoder must be a float"),
        (set_state("_ranges", {"tuple": []}), "_ranges is .*expected a list"),
        (set_state("_ranges", []), "it holds no valid model"),
        (set_state("other_", 1), r"\['other_'\], expected all attributes that its class declares"),
    ],
)
def test_a_new_variant_is_checked_as_others_are(change, match, new_variant, path):
    skae.save(new_variant, path)
    refused(path, forged(path.read_bytes(), change), match)


def test_a_class_may_say_what_fits_together(new_variant, path):
    skae.save(new_variant, path)

    def change(manifest, arrays):
        arrays["model/_ranges/0/high"] = np.full(5, 11.0)

    refused(path, forged(path.read_bytes(), change), "a range is too large")
    new_variant._ranges[0].high[:] = 11.0
    with pytest.raises(ValueError, match="a range is too large"):
        skae.save(new_variant, path)


def test_a_class_that_is_not_in_all_is_refused_by_name(new_variant, monkeypatch, path):
    skae.save(new_variant, path)
    monkeypatch.undo()
    with pytest.raises(skae.ModelFileError, match="'WeightedAutoencoder', which this version of"):
        skae.load(path)
    with pytest.raises(TypeError, match="one of skae's, got WeightedAutoencoder"):
        skae.save(new_variant, path)
    with pytest.raises(TypeError, match="nothing of type WeightedAutoencoder"):
        skae.save(new_variant.encoder_, path)


# -- annotations --------------------------------------------------------------------------


class OddAutoencoder(skae.AutoencoderTransformer):
    """Autoencoder with an annotation that model files do not know."""

    odd_: set[int] = fitted()


def test_an_annotation_that_cannot_be_checked_is_named(monkeypatch, path):
    monkeypatch.setattr(skae, "OddAutoencoder", OddAutoencoder, raising=False)
    monkeypatch.setattr(skae, "__all__", [*skae.__all__, "OddAutoencoder"])
    model = OddAutoencoder(**SMALL).fit(X)
    model.odd_ = [1]
    with pytest.raises(TypeError, match=r"odd_ is annotated as set\[int\], which model files"):
        skae.save(model, path)


def test_a_part_of_a_users_own_is_none(path):
    @dataclass
    class MyScore(LikelihoodScore):
        """A score that is not of the package."""

    assert "MyScore" not in classes()
    detector = skae.AutoencoderOutlierDetector(
        skae.VariationalAutoencoder(**SMALL), scoring="likelihood", n_estimators=1, random_state=0
    ).fit(X)
    detector._scores = [MyScore()]
    with pytest.raises(TypeError, match="nothing of type MyScore"):
        skae.save(detector, path)


def test_an_attribute_must_be_declared(path):
    model = fit()
    model.note_ = "mine"
    with pytest.raises(skae.ModelFileError, match=r"note_.*that its class declares"):
        skae.save(model, path)
