"""Coordinates of rows of many values: distances beside dense computations, and their memory."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from outlier_cases import make_detector

import skae
from skae.detection._coordinates import Coordinates
from skae.detection._robust_gaussians import RobustGaussians


def wide(n_rows, n_values, seed=0):
    """Rows of three sources with noise, in different units."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(9).normal(size=(3, n_values))
    rows = rng.normal(size=(n_rows, 3)) @ mixing + 0.3 * rng.normal(size=(n_rows, n_values))
    return rows * np.linspace(1, 100, n_values) + 5


def fitted(rows, weight=None):
    weight = np.ones(len(rows)) if weight is None else weight
    return Coordinates().fit(rows, weight, 1e-2, np.random.RandomState(0))


@pytest.mark.parametrize("n_values", [3, 256])
def test_few_values_are_coordinates_themselves(n_values):
    rows, weight = wide(50, n_values), np.random.default_rng(0).uniform(0.5, 2, size=50)
    coordinates = fitted(rows, weight)
    center = np.average(rows, axis=0, weights=weight)
    unit = np.sqrt(np.average((rows - center) ** 2, axis=0, weights=weight))
    found, outside = coordinates(rows)
    assert_allclose(found, (rows - center) / unit, rtol=1e-9, atol=1e-9)
    assert_allclose(outside, 0)
    assert coordinates.directions_ is None
    assert coordinates.n_coordinates == n_values


def test_many_values_along_their_leading_directions():
    rows, new = wide(80, 600), wide(30, 600, seed=1)
    coordinates = fitted(rows)
    # One direction for four rows, at right angles to one another.
    assert coordinates.directions_.shape == (600, 20)
    directions = coordinates.directions_.astype(float)
    assert_allclose(directions.T @ directions, np.eye(20), atol=1e-5)
    # They span what the leading right singular vectors of the signs span.
    units = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    center = np.median(units, axis=0)
    for _ in range(10):
        center = np.average(units, axis=0, weights=1 / np.linalg.norm(units - center, axis=1))
    signs = (units - center) / np.linalg.norm(units - center, axis=1)[:, None]
    leading = np.linalg.svd(signs)[2][:20].T
    assert_allclose(directions @ directions.T, leading @ leading.T, atol=1e-4)
    found, outside = coordinates(new)
    new_units = (new - rows.mean(axis=0)) / rows.std(axis=0)
    assert_allclose(found, new_units @ directions, rtol=1e-5, atol=1e-5)
    missed = new_units - new_units @ leading @ leading.T
    assert_allclose(outside, (missed**2).sum(axis=1), rtol=1e-3)
    known_outside = coordinates(rows)[1]
    assert coordinates.rest_ == pytest.approx(np.median(known_outside) / 580)


def test_distances_of_many_values_are_those_of_a_dense_covariance():
    """In double precision, with the whole matrix of 600 x 600 values."""
    rows, new = wide(80, 600), wide(30, 600, seed=1)
    gaussians = RobustGaussians(0, 1e-2).fit(rows, np.ones(80), np.random.RandomState(0))
    coordinates = gaussians.coordinates_
    directions = coordinates.directions_.astype(float)
    whitening = gaussians.whitening_.astype(float)
    inside = directions @ whitening.T @ whitening @ directions.T
    precision = inside + (np.eye(600) - directions @ directions.T) / coordinates.rest_
    unit = (new - coordinates.center_) / coordinates.unit_ - directions @ gaussians.center_
    expected = np.einsum("ij,jk,ik->i", unit, precision, unit) / 2
    assert_allclose(gaussians.distances(new), expected, rtol=1e-3)
    # What contradicts the three sources is far, also outside the leading directions.
    mixed = np.random.default_rng(0).permuted(new, axis=0)
    assert gaussians.distances(mixed).min() > gaussians.distances(new).max()


def test_memory_grows_with_the_number_of_columns(tmp_path):
    sizes = []
    for n_columns in (600, 1200):
        detector = make_detector(n_estimators=2).fit(wide(40, n_columns))
        skae.save(detector, tmp_path / "detector.skae")
        sizes.append((tmp_path / "detector.skae").stat().st_size)
    assert sizes[1] < 2.1 * sizes[0]
    # A single covariance of the values of a row would take more.
    assert sizes[1] < 8 * 2400**2 / 8
