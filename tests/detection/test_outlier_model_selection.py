"""The outlier detector in a Pipeline and in a search of parameters: what its docstring says."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from outlier_cases import LINEAR, draw, draw_outliers, make_detector
from pandas.testing import assert_frame_equal
from sklearn.base import clone
from sklearn.metrics import average_precision_score, get_scorer, roc_auc_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

RNG = np.random.default_rng(0)
TRAIN = draw(RNG, 300)
NEW, LABEL = np.vstack([draw(RNG, 180), draw_outliers(RNG, 20)]), np.repeat([1, -1], [180, 20])
NAMES = list("abcdefgh")


def precision_of_outliers(detector, X, y):
    return average_precision_score(y == -1, -detector.score_samples(X))


@pytest.fixture(params=["alone", "in a Pipeline"], scope="module")
def fitted(request):
    detector = make_detector()
    if request.param == "in a Pipeline":
        detector = make_pipeline(StandardScaler(), detector)
    return detector.fit(TRAIN)


def test_roc_auc_is_high_where_outliers_score_low(fitted):
    expected = roc_auc_score(LABEL == -1, -fitted.score_samples(NEW))
    assert get_scorer("roc_auc")(fitted, NEW, LABEL) == pytest.approx(expected)
    assert expected > 0.9


def test_average_precision_by_name_is_that_of_ordinary_rows(fitted):
    by_name = get_scorer("average_precision")
    assert by_name(fitted, NEW, LABEL) == pytest.approx(
        average_precision_score(LABEL == 1, fitted.score_samples(NEW))
    )
    # Labels that have nothing to do with the rows: the best detector is useless.
    useless = np.random.default_rng(1).permutation(LABEL)
    assert by_name(fitted, NEW, useless) > 0.85
    assert precision_of_outliers(fitted, NEW, useless) < 0.3
    assert precision_of_outliers(fitted, NEW, LABEL) > 0.7


def test_a_search_finds_the_better_detector_by_labels():
    X, y = np.vstack([TRAIN, NEW]), np.r_[np.ones(300, dtype=int), LABEL]
    # A code of eight copies all rows.
    grid = {"autoencoder__n_components": [8, 3]}
    folds = StratifiedKFold(2, shuffle=True, random_state=0)
    detector = make_detector(clone(LINEAR), scoring="reconstruction")
    for scoring in "roc_auc", precision_of_outliers:
        search = GridSearchCV(detector, grid, scoring=scoring, cv=folds).fit(X, y)
        assert search.best_params_ == {"autoencoder__n_components": 3}
        wide, narrow = search.cv_results_["mean_test_score"]
        assert narrow > wide + 0.1


def test_without_labels_there_is_no_score():
    with pytest.raises(TypeError, match="should have a 'score' method"):
        GridSearchCV(make_detector(), {"cv": [2, 3]}).fit(TRAIN)


def test_p_values_of_a_useless_detector_are_uniform_too():
    """It is trained on rows whose cells have nothing to do with each other, and knows nothing."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(1300, 8))
    detector = make_detector().fit(rows[:300])
    ordinary, outliers = rows[300:], rng.permuted(rows[300:], axis=0)
    assert (detector.p_values(ordinary) <= 0.1).mean() == pytest.approx(0.1, abs=0.04)
    assert (detector.p_values(outliers) <= 0.1).mean() < 0.15


def test_a_pipeline_reaches_codes_and_explanations():
    frame = pd.DataFrame(TRAIN, columns=NAMES, index=range(1000, 1300))
    pipe = make_pipeline(StandardScaler(), make_detector())
    pipe.set_output(transform="pandas").fit(frame)
    scaled = pipe[:-1].transform(frame)
    explanation = pipe[-1].explain(scaled[:5])
    assert list(explanation["share"].columns) == NAMES
    assert list(explanation.index) == [1000, 1001, 1002, 1003, 1004]
    assert_allclose(explanation["share"].sum(axis=1), pipe.score_samples(frame[:5]))
    assert_array_equal(list(pipe[-1].feature_names_in_), NAMES)
    assert_frame_equal(pipe.transform(frame), pipe[-1].transform(scaled))
    # The control: arrays have no names.
    arrays = make_pipeline(StandardScaler(), make_detector()).fit(frame)
    nameless = arrays[-1].explain(arrays[:-1].transform(frame[:5]))
    assert list(nameless["share"].columns) == [f"x{i}" for i in range(8)]
