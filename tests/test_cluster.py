"""A Dask cluster of processes: searches, members of a detector, and scores of a large table."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV

import skae
from skae import AutoencoderOutlierDetector, AutoencoderTransformer
from skae.onnx import inference_session

dask = pytest.importorskip("dask")
dataframe = pytest.importorskip("dask.dataframe")
distributed = pytest.importorskip("distributed")
cloudpickle = pytest.importorskip("cloudpickle")
onnx = pytest.importorskip("onnx")

# The fits are short; what they warn of is not asked here.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

ROWS = np.random.default_rng(0).normal(size=(120, 5)) * [1, 2, 3, 4, 5]
AUTOENCODER = AutoencoderTransformer(
    2, hidden_layer_sizes=(7,), max_iter=3, dropout=0.1, random_state=0
)
GRID = {"n_components": [1, 2, 3], "learning_rate_init": [1e-3, 1e-2]}


@pytest.fixture(scope="module")
def client():
    """Two processes, as they would be two machines."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        # The workers cannot import this module.
        cloudpickle.register_pickle_by_value(sys.modules[__name__])
        yield client


def mean_score(model, X, y=None):
    return model.score_samples(X).mean()


def searches():
    grid = partial(GridSearchCV, AUTOENCODER, GRID, cv=3)
    halving = partial(
        HalvingGridSearchCV, AUTOENCODER, GRID, cv=3, min_resources=40, random_state=0
    )
    randomized = partial(RandomizedSearchCV, AUTOENCODER, GRID, cv=3, n_iter=3, random_state=0)
    # Its members are trained as one stack there, too.
    detector = AutoencoderOutlierDetector(AUTOENCODER, n_estimators=2, random_state=0)
    grid_of_it = {"autoencoder__n_components": [1, 2]}
    of_detector = partial(GridSearchCV, detector, grid_of_it, cv=2, scoring=mean_score)
    return {"grid": grid, "halving": halving, "randomized": randomized, "detector": of_detector}


@pytest.mark.parametrize("name", searches())
def test_a_search_gives_the_results_of_a_serial_one(client, name):
    make = searches()[name]
    serial = make().fit(ROWS)
    with joblib.parallel_config("dask"):
        found = make().fit(ROWS)
    results = [
        pd.DataFrame(search.cv_results_).filter(regex="^(?!.*time)") for search in (serial, found)
    ]
    pd.testing.assert_frame_equal(*results, check_exact=True)
    assert results[0]["mean_test_score"].nunique() > 1
    for method in {"transform", "predict"} & set(dir(serial)):
        np.testing.assert_array_equal(getattr(serial, method)(ROWS), getattr(found, method)(ROWS))


def n_executed(client):
    """Return how many tasks the workers have done."""
    return sum(client.run(lambda dask_worker: dask_worker.state.executed_count).values())


def test_the_members_of_a_detector_are_trained_on_the_cluster(client):
    detector = AutoencoderOutlierDetector(AUTOENCODER, n_estimators=4, random_state=0)
    alone = clone(detector).fit(ROWS)
    with joblib.parallel_config("threading"):
        by_threads = clone(detector).set_params(n_jobs=2).fit(ROWS)
    before = n_executed(client)
    with joblib.parallel_config("dask"):
        by_cluster = clone(detector).set_params(n_jobs=-1).fit(ROWS)
    assert n_executed(client) >= before + 2
    # Two stacks of two networks; those of one stack of four differ by the rounding of products.
    np.testing.assert_array_equal(by_cluster.p_values(ROWS), by_threads.p_values(ROWS))
    np.testing.assert_array_equal(by_cluster.score_samples(ROWS), by_threads.score_samples(ROWS))
    np.testing.assert_allclose(by_cluster.score_samples(ROWS), alone.score_samples(ROWS), rtol=1e-5)


def test_a_cluster_that_goes_during_a_search():
    """It ends with an error, where nothing would ever answer."""
    with (
        distributed.LocalCluster(n_workers=1, dashboard_address=":0") as gone,
        distributed.Client(gone, set_as_default=False) as client,
        ThreadPoolExecutor(1) as pool,
    ):

        def search():
            with joblib.parallel_config("dask", client=client):
                return GridSearchCV(AUTOENCODER, {"random_state": range(500)}, cv=2).fit(ROWS)

        running = pool.submit(search)
        while not any(worker.processing for worker in gone.scheduler.workers.values()):
            time.sleep(0.01)
        gone.close()
        with pytest.raises(distributed.client.FutureCancelledError, match="cancelled for reason"):
            running.result(timeout=60)


def score(part, model):
    """Return the scores of a partition, which may be empty."""
    scores = model.score_samples(part) if len(part) else np.empty(0)
    return pd.Series(scores, part.index, name="score")


def score_by_graph(part, path):
    """Return the scores of a partition by an ONNX graph."""
    scores = np.empty(0)
    if len(part):
        session = inference_session(path)
        (scores,) = session.run(["score"], {"X": part.to_numpy()})
    return pd.Series(scores.ravel(), part.index, name="score")


@pytest.fixture(scope="module")
def table(client):
    """A table in five partitions, of which two are empty."""
    frame = pd.DataFrame(ROWS, columns=list("abcde"))
    parts = [frame[:0], frame[:50], frame[50:51], frame[:0], frame[51:]]
    return dataframe.from_delayed([dask.delayed(part) for part in parts], meta=frame[:0])


def test_scores_of_partitions(table):
    frame = table.compute()
    model = AUTOENCODER.fit(frame)
    found = table.map_partitions(score, dask.delayed(model), meta=("score", "f8"))
    assert found.npartitions == 5
    pd.testing.assert_series_equal(found.compute(), score(frame, model))
    # Without the check for rows, the empty partitions are refused by name.
    with pytest.raises(ValueError, match="0 sample"):
        table.map_partitions(
            lambda part: pd.Series(model.score_samples(part)), meta=("score", "f8")
        ).compute()


@pytest.mark.usefixtures("torchlib_is_parsed_once")
def test_scores_of_partitions_by_a_graph(table, tmp_path):
    frame = table.compute()
    model = AUTOENCODER.fit(frame)
    path = tmp_path / "model.onnx"
    onnx.save(skae.to_onnx(model, frame, output="score"), path)
    found = table.map_partitions(score_by_graph, str(path), meta=("score", "f8")).compute()
    expected = table.map_partitions(score, dask.delayed(model), meta=("score", "f8")).compute()
    pd.testing.assert_series_equal(found, expected, rtol=1e-5)


def test_codes_of_partitions(table):
    """Several columns: `meta` is an empty table of codes."""
    frame = table.compute()
    model = AUTOENCODER.fit(frame).set_output(transform="pandas")
    meta = model.transform(frame[:1])[:0]
    codes = table.map_partitions(
        lambda part: model.transform(part) if len(part) else meta, meta=meta
    )
    pd.testing.assert_frame_equal(codes.compute(), model.transform(frame))


def test_a_cluster_that_goes_while_it_scores():
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0") as gone,
        distributed.Client(gone, set_as_default=False) as client,
    ):
        frame = dataframe.from_pandas(pd.DataFrame(ROWS), npartitions=2)
        scores = client.compute(frame.map_partitions(len))
        gone.close()
        with pytest.raises(distributed.client.FutureCancelledError):
            scores.result(timeout=60)
