"""Fitted estimators and pipelines as ONNX graphs."""

from typing import TYPE_CHECKING, Any

from sklearn.base import BaseEstimator

from .engine import torch_defaults

if TYPE_CHECKING:
    from onnx import ModelProto


def to_onnx(
    estimator: BaseEstimator, X_sample: Any, output: str = "codes", quantize: bool = False
) -> "ModelProto":
    """Convert a fitted estimator or Pipeline to an ONNX graph.

    The graph runs without Python, in ONNX Runtime and whatever else reads ONNX: in a service, a
    browser, on a phone. It takes any number of rows, and gives what the estimator gives to a few
    millionths of the largest value. A graph that gives something else is refused. A Pipeline
    becomes one graph with all of its steps.

    Parameters
    ----------
    estimator : estimator of skae, or Pipeline
        A fitted one. ``encoder_`` and ``decoder_`` of an autoencoder make graphs of one half of
        it. skl2onnx converts steps of a Pipeline that are not of skae. A search such as
        :class:`~sklearn.model_selection.GridSearchCV` stands for its best estimator. Classes of
        your own have no converter, even if they inherit from one that has.
    X_sample : {array-like, DataFrame, tensor} of shape (n_samples, n_features)
        Rows like those that the graph will get, up to a few hundred: the graph is compared with
        the estimator on them. The graph takes float32 if these rows are float32, else float64;
        of a table with columns of several types each column has its own type, see Notes.
        Images and windows may be arrays of more dimensions. For predictions of an outlier
        detector with ``quantize=True``, a few hundred ordinary rows that it was not trained on.
    output : {"codes", "reconstruction", "score", "prediction", "probability", "p_value", \
            "completed"}, default="codes"
        The answer of the graph, and the name of its output:

        - "codes" is the result of `transform`;
        - "completed" is that of an :class:`AutoencoderImputer`, for which it is the default;
        - "reconstruction" is the result of the way there and back: of `reconstruct` of an
          autoencoder, a classifier or a regressor, of ``inverse_transform(transform(X))`` of an
          outlier detector and of a Pipeline, in the unit that the first step takes, and of
          `inverse_transform` of a :class:`Decoder`, which takes codes;
        - "score" is the result of `score_samples`, in float64;
        - "prediction" is the result of `predict`: of an outlier detector, -1 for outliers, or of
          a classifier or regressor, also of one that ends a Pipeline. Classes are strings if they
          are text, else int64;
        - "probability" is the result of `predict_proba` of a classifier, also of one that ends a
          Pipeline: a column for each of its ``classes_``;
        - "p_value" is the result of `p_values` of an outlier detector, in float64.
    quantize : bool, default=False
        Whether the networks compute with integers of eight bits, which makes their part of the
        file a quarter as large. Wide rows get faster (784 features by a third), narrow ones
        slower (30 features by a quarter). See Notes.

    Returns
    -------
    model : onnx.ModelProto
        A graph of opset 18, in one piece, from the input ``"X"`` to the output: write it with
        ``onnx.save(model, "model.onnx")``, or send ``model.SerializeToString()``. For a DataFrame
        and a Pipeline with a :class:`~sklearn.compose.ColumnTransformer`, and for an estimator
        that was fitted on columns of several types, each column is an input of its own; if one of
        them has the name of the output, "score" for example, the output is named "output_score".

    Raises
    ------
    ImportError
        If the packages of the extra are not installed: ``pip install "skae[onnx]"``.
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If `estimator` cannot be converted, or `X_sample` is no dense table: the name of a file,
        for example.
    ValueError
        If `X_sample` are no rows for the estimator, if it does not give the `output`, if a step
        or a `network` cannot be converted, if the graph gives something else than the estimator,
        if the file would be larger than 2 GiB, or if there are too few rows to find a threshold.

    See Also
    --------
    skl2onnx.to_onnx : Converts Pipelines, too, once ``skae.onnx`` is imported.
    AutoencoderOutlierDetector.recalibrate : Finds the threshold anew without quantization.

    Notes
    -----
    Before it is quantized, the graph is compared with the estimator on up to 200 rows of
    `X_sample`, on rows between these, and, where the estimator takes such rows, on rows in which
    a column holds NaN, zero, a value far outside or an unknown category. Numbers may differ by a
    ten-thousandth of their range and a few millionths of the largest, and by three times as much
    as the estimator's own answers move when rows move by a hundred-thousandth of the range of
    their columns. Labels may differ in one row, or in one in a hundred, of `X_sample`, where they
    are tied or change within that distance.

    An estimator that was fitted on a table with text, categories, truth values or dates has a graph
    with an input of shape (n_samples, 1) for each column, also as the first step of a Pipeline.
    Text is strings, whole numbers are int64, other numbers float64, truth values bool; dates are
    float64 seconds since 1970, in UTC if they have a time zone, times and durations float64
    seconds. A gap is the empty string (if that was no category in `fit`) or NaN; numbers and truth
    values of a column that had gaps in `fit` are float64, and those of others hold no gaps. The
    reconstruction has an output for each column, "reconstruction_age" for example, and so has an
    imputer of such a table, "completed_age", which must be the only step. The metadata
    "skae.columns" of the graph list kind, unit, range or categories of each column in JSON.

    A graph does not validate. It also returns numbers for NaN that the estimator refuses, for
    values outside the range of the loss, and for columns in another order: check rows before.

    Rows are centred and scaled in their own precision, networks compute in float32 (in float64
    if they were fitted so, on a table small enough, and ONNX Runtime has their layers in
    float64), and scores are summed up in float64. Only float64 rows keep what is small beside the
    mean of its column, such as a signal of size one around a million; of float32 rows skl2onnx's
    StandardScaler loses some of it. Where hardly anything is left of rows, for an autoencoder
    that explains 0.9999 of their variance or a detector that predicts a column without error,
    scores consist of float32's rounding, in the estimator as in the graph, and may differ by some
    hundred-thousandths. A row that lies at a threshold to the last digit may fall on its other
    side. Of p-values, as in the detector, held-out rows are ties whose scores differ by less than
    a hundred-thousandth.

    Scores of a :class:`VariationalAutoencoder` decode all `n_draws` codes of all rows at once:
    score a few hundred rows at a time.

    With ``quantize=True`` the weights of a layer are integers in a unit of their own, and so are
    the activations of a batch. On the digits codes moved by less than 0.01 of their standard
    deviation and scores by less than 0.03, and the ROC AUC of an outlier detector fell by 0.001.
    But the unit of the activations is that of the whole batch, and **one row far outside ruins
    its neighbours**: next to a row a thousand times as large nothing was left of the codes of the
    others. Clip such rows before, run them one at a time, or do not quantize. As scores move a
    little, the threshold of an outlier detector is found anew, from the scores of `X_sample` in
    the quantized graph and the contamination of the detector. Its covariances, which are most of
    its size, stay in float64.

    Examples
    --------
    >>> from onnx.reference import ReferenceEvaluator
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skae import AutoencoderTransformer, to_onnx
    >>> X = load_iris().data
    >>> autoencoder = AutoencoderTransformer(2, max_iter=5, random_state=0)
    >>> pipeline = make_pipeline(StandardScaler(), autoencoder).fit(X)
    >>> model = to_onnx(pipeline, X[:2])

    This is onnx's own runtime, for tests; ONNX Runtime is the fast one.

    >>> (codes,) = ReferenceEvaluator(model.SerializeToString()).run(None, {"X": X})
    >>> bool(abs(codes - pipeline.transform(X)).max() < 1e-5)
    True
    """
    from .onnx._conversion import converted

    with torch_defaults():
        return converted(estimator, X_sample, output, quantize)
