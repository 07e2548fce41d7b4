"""Types that skops may make of a file: skae's own, and harmless ones of scikit-learn and numpy.

skops trusts scikit-learn's estimators, numpy's arrays and ufuncs by itself, but not all that fitted
estimators hold. A type is harmless, and is listed here, if

- it is a Python class that only keeps values, or a function that only computes from its arguments
  and checks them: neither runs code from the file, opens files or connections, nor imports by
  name; and
- no compiled code follows indices in it without checking them.

For the second reason trees (``sklearn.tree._tree.Tree``, ``TreePredictor``, ``KDTree``,
``BallTree``), splines (``BSpline``) and sparse matrices are not here: scikit-learn and scipy read
whatever address such a file names.
"""

from skae import windows

from ._registry import classes

# Names by module.
_HARMLESS = {
    "builtins": "object",
    "numpy": """
        dtype mean median max min sum number integer signedinteger unsignedinteger inexact floating
        complexfloating flexible character generic
    """,
    "sklearn._loss.loss": "HalfTweedieLoss HalfTweedieLossIdentity",
    "sklearn.calibration": "_CalibratedClassifier _SigmoidCalibration _TemperatureScaling",
    "sklearn.cluster._bisect_k_means": "_BisectingTree",
    "sklearn.compose._column_transformer": "make_column_selector",
    "sklearn.feature_selection._mutual_info": "mutual_info_classif mutual_info_regression",
    "sklearn.feature_selection._univariate_selection": """
        chi2 f_classif f_oneway f_regression r_regression
    """,
    "sklearn.gaussian_process._gpc": "_BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels": """
        CompoundKernel ConstantKernel DotProduct ExpSineSquared Exponentiation Hyperparameter Matern
        PairwiseKernel Product RBF RationalQuadratic Sum WhiteKernel
    """,
    "sklearn.impute._iterative": "IterativeImputer _ImputerTriplet",
    "sklearn.metrics._classification": """
        accuracy_score balanced_accuracy_score brier_score_loss cohen_kappa_score d2_brier_score
        d2_log_loss_score f1_score fbeta_score hamming_loss hinge_loss jaccard_score log_loss
        matthews_corrcoef precision_score recall_score zero_one_loss
    """,
    "sklearn.metrics._ranking": """
        average_precision_score coverage_error dcg_score label_ranking_average_precision_score
        label_ranking_loss ndcg_score roc_auc_score top_k_accuracy_score
    """,
    "sklearn.metrics._regression": """
        d2_absolute_error_score d2_pinball_score d2_tweedie_score explained_variance_score max_error
        mean_absolute_error mean_absolute_percentage_error mean_gamma_deviance mean_pinball_loss
        mean_poisson_deviance mean_squared_error mean_squared_log_error mean_tweedie_deviance
        median_absolute_error r2_score root_mean_squared_error root_mean_squared_log_error
    """,
    "sklearn.metrics._scorer": """
        _CurveScorer _MultimetricScorer _PassthroughScorer _Scorer negative_likelihood_ratio
        positive_likelihood_ratio
    """,
    "sklearn.metrics.cluster._supervised": """
        adjusted_mutual_info_score adjusted_rand_score completeness_score fowlkes_mallows_score
        homogeneity_score mutual_info_score normalized_mutual_info_score rand_score v_measure_score
    """,
    "sklearn.model_selection._search_successive_halving": """
        HalvingGridSearchCV HalvingRandomSearchCV _SubsampleMetaSplitter
    """,
    "sklearn.model_selection._split": """
        GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut LeaveOneOut LeavePGroupsOut LeavePOut
        PredefinedSplit RepeatedKFold RepeatedStratifiedKFold ShuffleSplit StratifiedGroupKFold
        StratifiedKFold StratifiedShuffleSplit TimeSeriesSplit _CVIterableWrapper
    """,
    "sklearn.multiclass": "_ConstantPredictor",
    "sklearn.neural_network._stochastic_optimizers": "AdamOptimizer SGDOptimizer",
    "sklearn.utils._bunch": "Bunch",
    "sklearn.utils._metadata_requests": "MetadataRequest MethodMetadataRequest",
}


def trusted_types() -> list[str]:
    """Return the full names of skae's own classes and of the harmless types, sorted."""
    steps = [getattr(windows, name) for name in windows.__all__]
    own = [f"{cls.__module__}.{cls.__qualname__}" for cls in [*classes().values(), *steps]]
    harmless = [f"{module}.{name}" for module in _HARMLESS for name in _HARMLESS[module].split()]
    return sorted(own + harmless)
