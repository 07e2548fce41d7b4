"""Model files of detectors whose parts do not go together are refused."""

from pathlib import Path

import numpy as np
import pytest
from model_file_cases import TINY, TINY_ROWS, forged, refused, replaced

import skae

FIXTURES = Path(__file__).parents[1] / "data"
GAUSSIANS = "model/_scores/0/_gaussians"
LINEAR = skae.AutoencoderTransformer(2, **TINY | {"hidden_layer_sizes": ()})


def written(detector, path):
    skae.save(detector, path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def detectors(files, tmp_path_factory):
    """Files of detectors: of few values, of kinds of rows, and of leading directions."""
    rng, path = np.random.RandomState(0), tmp_path_factory.mktemp("files") / "model.skae"
    params = {"n_estimators": 2, "random_state": 0}
    kinds = skae.AutoencoderOutlierDetector(LINEAR, **params).fit(rng.normal(size=(200, 4)))
    wide = skae.AutoencoderOutlierDetector(LINEAR, **params).fit(rng.normal(size=(20, 140)))
    assert kinds._scores[0]._gaussians.centers_.shape[1:] == (10,)
    assert wide._scores[0]._gaussians.coordinates_.directions_.shape == (282, 4)
    return {
        "few": files["detector"],
        "kinds": written(kinds, path),
        "wide": written(wide, path),
    }


def state_of(manifest):
    return manifest["model"]["object"][1]


def test_detectors_of_the_first_version_must_be_fitted_again():
    with pytest.raises(skae.ModelFileError, match=r"of an earlier skae.* Fit it again"):
        skae.load(FIXTURES / "detector_1.skae")


@pytest.mark.parametrize("size", [0, 1, 3])
def test_members_of_a_detector_must_agree(size, files, path):
    def change(manifest, arrays):
        state = state_of(manifest)
        state["_scores"] = (state["_scores"] * 2)[:size]

    refused(path, forged(files["detector"], change))


def test_an_autoencoder_that_is_a_parameter_brings_no_attributes(files, path):
    def change(manifest, arrays):
        state_of(manifest)["autoencoder"]["object"][1]["fit"] = 1

    refused(path, forged(files["detector"], change), "fit")


N_ROWS = len(TINY_ROWS)
FORGED = [
    ("few", "model/_calibration/_groups/0/0", np.array([2])),
    ("few", "model/_calibration/_groups/0/2", np.ones(2)),
    ("few", "model/_scaling/scale", np.ones(3)),
    ("few", "model/_folds/left_out", np.array([0, 9])),
    ("few", "model/_reference/_rows", np.ones((N_ROWS, 3))),
    ("few", "model/_reference/_rows", np.ones((3, 4))),
    ("few", "model/_reference/_rows", np.ones((N_ROWS, 4), dtype=np.int64)),
    ("few", "model/_reference/_rows", np.full((N_ROWS, 4), np.inf)),
    ("few", "model/_reference/weight", np.ones(3)),
    ("few", "model/_reference/weight", np.zeros(N_ROWS)),
    ("few", "model/_reference/fold", np.zeros(3, dtype=np.int64)),
    ("few", "model/_reference/fold", np.full(N_ROWS, 9)),
    ("few", "model/_reference/in_cluster", np.ones(N_ROWS, dtype=bool)),
    ("few", "model/_reference/in_cluster", np.zeros(N_ROWS)),
    ("few", "model/_reference/in_cluster", np.zeros(3, dtype=bool)),
    ("few", "model/_reference/center", np.ones(3)),
    ("few", f"{GAUSSIANS}/coordinates_/unit_", np.ones(5)),
    ("few", f"{GAUSSIANS}/coordinates_/unit_", np.zeros(10)),
    ("few", f"{GAUSSIANS}/coordinates_/center_", np.ones(11)),
    ("few", f"{GAUSSIANS}/center_", np.ones(5)),
    ("few", f"{GAUSSIANS}/whitening_", np.ones((10, 5))),
    ("few", f"{GAUSSIANS}/centers_", np.ones((3, 10))),
    ("few", f"{GAUSSIANS}/penalties_", np.ones(3)),
    ("kinds", f"{GAUSSIANS}/centers_", np.ones((1, 10))),
    ("kinds", f"{GAUSSIANS}/whitenings_", np.ones((1, 10, 10))),
    ("kinds", f"{GAUSSIANS}/whitenings_", np.ones((3, 10, 9))),
    ("kinds", f"{GAUSSIANS}/penalties_", np.zeros(0)),
    ("wide", f"{GAUSSIANS}/coordinates_/directions_", np.ones((282, 5))),
    ("wide", f"{GAUSSIANS}/coordinates_/directions_", np.ones((281, 4))),
    ("wide", f"{GAUSSIANS}/coordinates_/directions_", np.ones(282)),
    ("wide", f"{GAUSSIANS}/coordinates_/center_", np.ones(4)),
    ("wide", f"{GAUSSIANS}/center_", np.ones(282)),
    ("wide", f"{GAUSSIANS}/whitening_", np.eye(282)),
    ("wide", f"{GAUSSIANS}/centers_", np.ones((0, 282))),
    ("wide", f"{GAUSSIANS}/whitenings_", np.ones((0, 282, 282))),
]


@pytest.mark.parametrize(
    ("kind", "name", "array"), FORGED, ids=[f"{k}-{n}-{a.shape}" for k, n, a in FORGED]
)
def test_arrays_of_a_detector_must_agree(kind, name, array, detectors, path):
    refused(path, forged(detectors[kind], replaced(name, array)))


@pytest.mark.parametrize("value", [0.0, -1.0, 0, {"float": "inf"}, None, "1"])
def test_the_spread_outside_the_leading_directions_is_above_zero(value, detectors, path):
    def change(manifest, arrays):
        gaussians = state_of(manifest)["_scores"][0]["object"][1]["_gaussians"]["object"][1]
        gaussians["coordinates_"]["object"][1]["rest_"] = value

    refused(path, forged(detectors["wide"], change))


def test_directions_do_not_go_missing(detectors, path):
    def change(manifest, arrays):
        gaussians = state_of(manifest)["_scores"][0]["object"][1]["_gaussians"]["object"][1]
        gaussians["coordinates_"]["object"][1]["directions_"] = None
        for places in (arrays, manifest["arrays"]):
            del places[f"{GAUSSIANS}/coordinates_/directions_"]

    refused(path, forged(detectors["wide"], change), "other numbers of values")
