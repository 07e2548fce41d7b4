"""Graphs of outlier detectors of tables with columns of several types and with gaps."""

import numpy as np
import pandas as pd
import pytest
import torch
from mixed_outlier_cases import ordinary, with_gaps
from numpy.testing import assert_allclose, assert_array_equal
from onnx_cases import LINEAR, error, run, session_of
from torch import nn

from skae import AutoencoderOutlierDetector, AutoencoderTransformer, VariationalAutoencoder, to_onnx
from skae.onnx._export import exported
from skae.onnx._gaussian_fill import GaussianFill
from skae.onnx._runtime import runner_of
from skae.tables import GaussianRows

ONE = {"n_estimators": 1, "cv": 2, "random_state": 0}


def table(seed=0, n_rows=90):
    names = ["city", "latitude", "paid", "price", "visits", "since"]
    return with_gaps(ordinary(seed, n_rows)[names].astype({"visits": int}))


def other_rows():
    """New rows, some of an unknown city, far outside, or with a single value."""
    frame = table(1, 40)
    frame.iloc[0, 0], frame.iloc[1, 3] = "Bonn", 1e6
    frame.iloc[2, [0, 1, 2, 3, 5]] = None
    return frame


def feeds_of(frame):
    since = (frame["since"] - pd.Timestamp(0)).dt.total_seconds()
    city = frame["city"].astype(object).where(frame["city"].notna(), "")
    columns = frame.assign(since=since, city=city, paid=frame["paid"].astype(float))
    return {name: column.to_numpy()[:, None] for name, column in columns.items()}


def test_scores_of_two_members():
    members = AutoencoderTransformer(2, **LINEAR)
    detector = AutoencoderOutlierDetector(members, **ONE | {"n_estimators": 2}).fit(table())
    graph = to_onnx(detector, table(), "score")
    types = {given.name: given.type for given in session_of(graph).get_inputs()}
    assert types["city"] == "tensor(string)"
    assert set(types) == set(table().columns)
    for frame in (table(), other_rows()):
        assert error(run(graph, feeds_of(frame)), detector.score_samples(frame)) < 1e-5
    rows = feeds_of(other_rows())
    alone = [run(graph, {name: cells[i : i + 1] for name, cells in rows.items()}) for i in range(5)]
    assert_allclose(np.concatenate(alone), run(graph, rows)[:5], rtol=1e-6)
    assert run(graph, feeds_of(table()[:0])).shape == (0,)


def test_codes_and_reconstructions():
    members = AutoencoderTransformer(2, **LINEAR)
    detector = AutoencoderOutlierDetector(members, scoring="reconstruction", **ONE).fit(table())
    frame = other_rows()
    codes = detector.transform(frame)
    assert error(run(to_onnx(detector, table()), feeds_of(frame)), codes) < 1e-5
    session = session_of(to_onnx(detector, table(), "reconstruction"))
    names = [output.name.removeprefix("reconstruction_") for output in session.get_outputs()]
    found = dict(zip(names, session.run(None, feeds_of(frame)), strict=True))
    back = detector.inverse_transform(codes)
    assert_array_equal(found["city"][:, 0], back["city"].astype(object))
    assert_array_equal(found["paid"][:, 0], back["paid"].astype(bool))
    assert_allclose(found["latitude"][:, 0], back["latitude"], rtol=1e-4, atol=1e-3)


def test_predictions_of_numbers_with_gaps_are_of_one_input():
    rows = with_gaps(ordinary(0, 90)[["latitude", "price", "visits"]]).to_numpy(
        float, na_value=np.nan
    )
    members = AutoencoderTransformer(2, **LINEAR)
    detector = AutoencoderOutlierDetector(members, scoring="mahalanobis", **ONE).fit(rows)
    found = run(to_onnx(detector, rows, "prediction"), rows)
    clear = abs(detector.decision_function(rows)) > 1e-4
    assert {*found} == {-1, 1}
    assert_array_equal(found[clear], detector.predict(rows)[clear])


def test_likelihoods_and_p_values():
    model = VariationalAutoencoder(2, n_draws=3, **LINEAR)
    detector = AutoencoderOutlierDetector(model, scoring="likelihood", **ONE).fit(table())
    frame = other_rows()
    found = run(to_onnx(detector, table(), "p_value"), feeds_of(frame))
    assert_allclose(found, detector.p_values(frame), atol=1e-2)
    graph = to_onnx(model.fit(table()), table(), "score")
    assert error(run(graph, feeds_of(frame)), model.score_samples(frame)) < 1e-5


class Filled(nn.Module):
    """Fills NaN by a normal distribution."""

    def __init__(self, gaussian):
        super().__init__()
        self.fill = GaussianFill(gaussian)

    def filled(self, X):
        return self.fill(torch.where(X.isnan(), 0.0, X), X.isnan())


@pytest.mark.parametrize(("n_values", "ridge"), [(5, 0.3), (120, 1e-3)])
def test_missing_cells_by_a_normal_distribution(n_values, ridge):
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(n_values, 4))
    covariance = factors @ factors.T + ridge * np.eye(n_values)
    gaussian = GaussianRows(rng.normal(size=n_values), covariance, ridge)
    X = torch.tensor(rng.multivariate_normal(gaussian.mean, covariance, size=60))
    missing = torch.tensor(rng.uniform(size=X.shape) < rng.uniform(size=(60, 1)))
    missing[0], missing[1] = True, False
    expected = gaussian.fill(X, missing).numpy()
    graph = exported(Filled(gaussian), "filled", (n_values,), torch.float64, 18)
    answer = runner_of(graph)
    rows = torch.where(missing, torch.nan, X).numpy()
    (found,) = answer([rows])
    assert_allclose(found, expected, rtol=1e-8, atol=1e-8)
    assert_array_equal(found[1], rows[1])
    # A graph of several thousand nodes would take long to load.
    assert len(graph.graph.node) < 50
    (alone,) = answer([rows[7:8]])
    assert_allclose(alone[0], found[7], rtol=1e-8, atol=1e-8)
