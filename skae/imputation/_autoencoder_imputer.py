"""The imputer."""

from functools import partial
from numbers import Integral
from typing import Annotated, Any, Self

import numpy as np
import torch
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skae._compat import Interval, MissingValues, TransformerMixin, fit_context
from skae._typing import ArrayOf
from skae.engine import AutoencoderNet, refuse_several_ranks, resolve_device, torch_defaults
from skae.estimators.base import (
    CategoricalFeatures,
    DeclaredParameters,
    MaxCategories,
    MinFrequency,
    ParameterErrorsMixin,
    PositiveInt,
    RandomState,
    as_before_on_error,
    fitted,
    learn_mixed_table,
    warn_of_ignored_target,
)
from skae.objectives import SQUARED_ERROR
from skae.tables import CallerFrame, column_names

from ._gap_filler import GapFiller
from ._output_columns import OutputColumns
from ._tables_to_fill import TableToFill, read_table


def _has_indicators(imputer: "AutoencoderImputer") -> bool:
    if not imputer.add_indicator:
        raise AttributeError(
            "inverse_transform needs the indicators of gaps: set add_indicator=True, and fit."
        )
    return True


class AutoencoderImputer(TransformerMixin, DeclaredParameters, ParameterErrorsMixin):
    """Fills gaps in tables with columns of every type.

    A normal distribution of all columns, learned from rows with gaps, makes a first guess of what
    is missing. Denoising networks, which see guess and gaps, correct it: they are trained on copies
    of the rows in which more cells are hidden, most often those that another row lacks. How far
    guess and correction are trusted is measured for each column, on hidden cells of rows that the
    network has not seen. New rows are filled without training.

    Parameters
    ----------
    missing_values : int, float, str or None, default=np.nan
        A value that stands for a gap, as -999 does in some tables. NaN, None, `pd.NA` and `pd.NaT`
        always are gaps.
    categorical_features : "from_dtype", array-like or None, default="from_dtype"
        Columns that hold categories. "from_dtype" are those of text, truth values and categories,
        in a DataFrame; a list of names or places, or a mask, chooses others. None has none. Text
        and categories that are not chosen are refused, and truth values are then numbers.
    min_frequency : int, float or None, default=2
        Categories of fewer rows, as a number or as a share, become one, which stands for the most
        frequent of them.
    max_categories : int or None, default=None
        Most categories of a column: the rarest become one. None is all, if they are at most 500 in
        all columns together, and otherwise an equal share of 500.
    max_iter : int, default=1
        Rounds of networks: each corrects what the one before it has filled. A second one takes as
        long as the first and gains a hundredth at best. 0 leaves it at the normal distribution,
        which takes a fraction of the time.
    sample_posterior : bool, default=False
        Whether :meth:`transform` draws what is missing from its distribution, as an imputation
        whose uncertainty counts needs it. By default it gives expected numbers and the likeliest
        categories, which vary less than true values do. The same rows get the same draws at each
        call; :meth:`sample_imputations` gives several.
    n_imputations : int, default=1
        How many completed tables :meth:`sample_imputations` returns, each from a model of its own.
    add_indicator : bool, default=False
        Whether :meth:`transform` adds a column for each one that had gaps in `fit`, which tells
        where the value was missing.
    keep_empty_features : bool, default=True
        Whether columns without any value in `fit` are kept, or left out. Numbers are filled with
        zero, and text with "missing_value", as by :class:`~sklearn.impute.SimpleImputer`; dates and
        categories stay empty.
    device : str or torch.device, default="cpu"
        Device of the networks, any that torch knows. "auto" is a GPU if there is one.
    random_state : int, RandomState instance or None, default=None
        Source of hidden cells, initial weights and draws. Pass an int for the same result every
        time.
    verbose : int, default=0
        1 shows a progress bar over the epochs of each round, on a terminal or in a notebook with
        ipywidgets.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of columns, if the training rows had names that are all strings.
    n_iter_ : int
        Number of rounds of networks.
    indicator_features_ : ndarray of shape (n_features_with_gaps,)
        The places of the columns that had gaps in `fit`.

    See Also
    --------
    skae.imputation.pool_estimates : Combines what several imputations say, by Rubin's rules.
    DenoisingAutoencoder : Takes tables with gaps as they are, and fills them with `reconstruct`.
    sklearn.impute.IterativeImputer : One regression for each column in turn, for numbers.
    sklearn.impute.KNNImputer : Means of similar rows, for numbers.

    Notes
    -----
    Cells that are known stay as they are. DataFrames with columns of several types come back as
    such, with the dtypes and the index of the caller; of numbers alone `transform` makes an array,
    as scikit-learn's transformers do, unless `set_output` asks for a frame. Where the type of a
    column is one of whole numbers, these are rounded.

    A category that `fit` has not seen stays in the table, and tells nothing of the other columns.
    New gaps in columns that had none in `fit` are filled, too.

    **Several imputations.** Each of `n_imputations` models is learned from rows drawn with
    replacement, as in the bootstrap of Honaker and King (2010), and is corrected by a network of
    its own. Draws vary around its answers as much as hidden cells did. Do the analysis once for
    each completed table, and combine the answers with :func:`skae.imputation.pool_estimates`. Put
    all columns of the analysis into the table, its target too. The gaps may depend on what is
    known (missing at random), but not on the missing value itself.

    The distribution is learned from at most 10,000 rows and training takes a fixed number of steps:
    of more rows, only the copies that networks see take longer. Time grows with the cube of the
    columns that a row lacks, in which each category counts as one: the imputer is for tables of up
    to some hundred columns.

    References
    ----------
    A. P. Dempster, N. M. Laird and D. B. Rubin, 1977. Maximum likelihood from incomplete data via
    the EM algorithm. Journal of the Royal Statistical Society B 39.

    J. Honaker and G. King, 2010. What to do about missing values in time-series cross-section data.
    American Journal of Political Science 54.

    T. Du, L. Melis and T. Wang, 2024. ReMasker: imputing tabular data with masked autoencoding.
    International Conference on Learning Representations.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skae import AutoencoderImputer
    >>> rng = np.random.default_rng(0)
    >>> size = rng.choice(["small", "large"], 300)
    >>> price = np.where(size == "large", 30.0, 10.0) + rng.normal(size=300)
    >>> X = pd.DataFrame({"size": size, "price": price})
    >>> X.loc[0, "size"] = X.loc[1, "price"] = None
    >>> filled = AutoencoderImputer(max_iter=1, random_state=0).fit_transform(X)
    >>> bool((filled.loc[0, "size"] == "large") == (X.loc[0, "price"] > 20))
    True
    >>> bool(abs(filled.loc[1, "price"] - (30 if size[1] == "large" else 10)) < 3)
    True
    """

    missing_values: Annotated[Any, MissingValues()] = np.nan
    categorical_features: CategoricalFeatures = "from_dtype"
    min_frequency: MinFrequency = 2
    max_categories: MaxCategories = None
    max_iter: Annotated[int, Interval(Integral, 0, None, closed="left")] = 1
    sample_posterior: bool = False
    n_imputations: PositiveInt = 1
    add_indicator: bool = False
    keep_empty_features: bool = True
    device: str | torch.device = "cpu"
    random_state: RandomState = None
    verbose: Annotated[int | bool, "verbose"] = 0

    n_features_in_: int = fitted()
    feature_names_in_: Annotated[np.ndarray, ArrayOf("str", None)] = fitted(optional=True)
    indicator_features_: Annotated[np.ndarray, ArrayOf("int", None)] = fitted()
    n_iter_: int = fitted()
    _frame: CallerFrame = fitted()
    _columns: OutputColumns = fitted()
    _filler: GapFiller = fitted()
    _seed: int = fitted()

    @fit_context(prefer_skip_nested_validation=True)
    @torch_defaults()
    def fit(self, X: Any, y: None = None) -> Self:
        """Learn how the columns depend on one another.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Training rows, with or without gaps.
        y : None
            Ignored, present for the conventions of scikit-learn.

        Returns
        -------
        self : object
            The fitted imputer. If fitting fails, it stays as it was.

        Raises
        ------
        ValueError
            For invalid parameters, infinite numbers, or columns of what is no value of a table.
        """
        refuse_several_ranks(type(self).__name__)
        warn_of_ignored_target(X, y)
        with as_before_on_error(self):
            given = read_table(self, X, reset=True)
            rng = check_random_state(self.random_state)
            self._seed = int(rng.randint(np.iinfo(np.int32).max))
            self.indicator_features_ = np.flatnonzero(given.missing.any(axis=0))
            self._columns = OutputColumns.of(given, self.keep_empty_features)
            table = given.of_columns(self._columns.known)
            self._frame = given.learn_frame(self, self._columns.known)
            encoded, _ = self._frame.read(table.X)
            mixed = learn_mixed_table(encoded, None, self._frame.schema, SQUARED_ERROR)
            draws = self.sample_posterior or self.n_imputations > 1
            build_net = partial(
                AutoencoderNet, device=str(resolve_device(self.device)), verbose=self.verbose
            )
            self._filler = GapFiller.learn(
                mixed,
                encoded,
                self.max_iter,
                self.n_imputations if draws else 0,
                build_net,
                rng,
            )
            self.n_iter_ = self.max_iter
        return self

    @torch_defaults()
    def transform(self, X: Any) -> Any:
        """Fill the gaps of rows.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows to complete.

        Returns
        -------
        X_filled : {ndarray, DataFrame} of shape (n_samples, n_features_out)
            The rows without gaps, followed by the indicators if `add_indicator` is set.
        """
        check_is_fitted(self)
        if self.sample_posterior:
            self._check_draws()
        given = read_table(self, X, reset=False)
        if self.sample_posterior:
            return self._completed(given, self._drawn(0))
        return self._completed(given, self._filler.fill)

    @torch_defaults()
    def sample_imputations(self, X: Any) -> list[Any]:
        """Return several completed tables, in which gaps are drawn from their distribution.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows to complete.

        Returns
        -------
        completed : list of {ndarray, DataFrame}
            `n_imputations` tables, each as :meth:`transform` returns it.

        Raises
        ------
        ValueError
            If `fit` has prepared no draws: `n_imputations` was 1 and `sample_posterior` False.
        """
        check_is_fitted(self)
        self._check_draws()
        given = read_table(self, X, reset=False)
        n_models = len(self._filler.redrawn)
        return [self._completed(given, self._drawn(i)) for i in range(n_models)]

    @available_if(_has_indicators)
    def inverse_transform(self, X: Any) -> Any:
        """Return rows with the gaps that their indicators tell of.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features_out)
            Rows as :meth:`transform` returns them, with `add_indicator`.

        Returns
        -------
        X_original : {ndarray, DataFrame} of shape (n_samples, n_features)
            The rows before they were filled, with `missing_values` in the gaps, or nothing in
            columns of a type that cannot hold these. Columns that `transform` left out are empty.

        Raises
        ------
        ValueError
            If `X` has no two dimensions, or another number of columns.
        AttributeError
            Without `add_indicator`: nothing tells then where the gaps were.
        """
        check_is_fitted(self)
        names = column_names(self, self.n_features_in_)
        gap, indicated = self.missing_values, self.indicator_features_
        return self._columns.without_indicators(X, indicated, names, gap)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the columns of what `transform` returns.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the columns, if `fit` has seen none; otherwise they must be those of `fit`.

        Returns
        -------
        feature_names_out : ndarray of str
            Names of columns, then ``"missingindicator_"`` and the name for each indicator.
        """
        check_is_fitted(self)
        names = self._names_in(input_features)
        indicators = names[self.indicator_features_] if self.add_indicator else []
        added = [f"missingindicator_{name}" for name in indicators]
        return np.asarray([*names[self._columns.kept], *added], dtype=object)

    def _names_in(self, input_features: Any) -> np.ndarray:
        if input_features is None:
            return column_names(self, self.n_features_in_)
        given = np.asarray(input_features, dtype=object)
        known = getattr(self, "feature_names_in_", given)
        if len(given) != self.n_features_in_:
            raise ValueError(
                f"input_features should have length equal to number of features "
                f"({self.n_features_in_}), got {len(given)}"
            )
        if not np.array_equal(given, known):
            raise ValueError("input_features is not equal to feature_names_in_")
        return given

    def _check_draws(self) -> None:
        if not self._filler.redrawn:
            raise ValueError(
                f"Draws need models of their own, which fit prepares for n_imputations > 1 (now "
                f"{self.n_imputations}) or sample_posterior=True (now {self.sample_posterior}). "
                f"Set one of them and fit again."
            )

    def _drawn(self, which: int) -> Any:
        return partial(self._filler.draw, which=which, seed=self._seed + which)

    def _completed(self, given: TableToFill, fill: Any) -> Any:
        """Return a table that was read, filled."""
        table = given.of_columns(self._columns.known)
        encoded, frame = self._frame.read(table.X)
        filled = table.filled_with(frame.filled(fill(encoded)))
        indicators = given.missing[:, self.indicator_features_] if self.add_indicator else None
        return self._columns.complete(given, filled, indicators, self.get_feature_names_out())

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = tags.input_tags.string = self.categorical_features is not None
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
