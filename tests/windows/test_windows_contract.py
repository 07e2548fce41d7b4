"""scikit-learn's contract, as far as it goes for transformers that change the number of rows."""

import pytest
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import estimator_checks_generator

from skae.windows import Patches, Windows

# Rows of X are samples of one recording, or rows of pixels of one image: windows are not rows.
ROWS_ARE_NOT_INDEPENDENT = {
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
}
# There are fewer windows than samples, and more patches than rows of pixels.
AS_MANY_ROWS_COME_OUT = {
    "check_transformer_data_not_an_array",
    "check_transformer_general",
}
# A recording may have one dimension.
ONE_DIMENSION_IS_REFUSED = {"check_fit1d", "check_fit2d_predict1d"}
# An image has no columns, and pixels of a row are no features.
COLUMNS_HAVE_A_NUMBER = {
    "check_n_features_in",
    "check_n_features_in_after_fitting",
    "check_fit2d_1sample",
    "check_fit2d_1feature",
}
NOT_OF = {
    Windows: ROWS_ARE_NOT_INDEPENDENT | AS_MANY_ROWS_COME_OUT | ONE_DIMENSION_IS_REFUSED,
    Patches: ROWS_ARE_NOT_INDEPENDENT
    | AS_MANY_ROWS_COME_OUT
    | ONE_DIMENSION_IS_REFUSED
    | COLUMNS_HAVE_A_NUMBER,
}
EXTRA = [
    estimator_checks.check_get_feature_names_out_error,
    estimator_checks.check_param_validation,
    estimator_checks.check_inplace_ensure_writeable,
    estimator_checks.check_set_output_transform,
]
OF_COLUMNS = [
    estimator_checks.check_dataframe_column_names_consistency,
    estimator_checks.check_transformer_get_feature_names_out,
    estimator_checks.check_transformer_get_feature_names_out_pandas,
]


def name_of(check):
    while hasattr(check, "func"):
        check = check.func
    return check.__name__


CHECKS = [
    (estimator, check)
    for one in (Windows(2), Patches(2))
    for estimator, check in estimator_checks_generator(one)
    # Arrays of other libraries become NumPy's.
    if name_of(check) not in NOT_OF[type(one)] and "array_api" not in name_of(check)
]


@pytest.mark.parametrize(
    ("estimator", "check"), CHECKS, ids=lambda one: name_of(one) if callable(one) else repr(one)
)
def test_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("check", EXTRA, ids=name_of)
@pytest.mark.parametrize("cls", [Windows, Patches])
def test_further_checks(cls, check):
    check(cls.__name__, cls(2))


@pytest.mark.parametrize("check", OF_COLUMNS, ids=name_of)
def test_channels_are_columns(check):
    check("Windows", Windows(2))
