"""The base class of all autoencoders."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Self

from skae._compat import fit_context
from skae.engine import ranks_of_process, refuse_several_ranks, torch_defaults
from skae.objectives import LOSSES
from skae.tables import (
    CallerType,
    drop_weightless_rows,
    validate_rows,
    validate_target_rows,
)

from ._fit_decisions import as_before_on_error, check_range, until_interrupted
from ._fit_rows import FitRows
from ._fitted_network import FittedNetwork
from ._held_out_rows import GivenRows, chooses_rows
from ._ignored_arguments import warn_of_ignored_parameters, warn_of_ignored_target
from ._ranks import validated_by
from ._training import TrainingFlow


class BaseAutoencoder(FittedNetwork, TrainingFlow):
    """Base class of autoencoders: validates rows and trains on them.

    A variant annotates its own parameters (see `DeclaredParameters`) and overrides the methods
    that differ:

    - `_check_parameters` refuses parameters that do not go together;
    - `_pairs_of` tells whether `y` holds what each row should become;
    - `_learn_from` sets attributes from the rows before training;
    - `_make_latent` returns the module that turns outputs of the encoder into codes;
    - `_start_at_pca` sets initial weights from PCA;
    - `_make_corruption` returns the noise on a batch;
    - `_make_code_term` returns the term on the codes;
    - `_make_objective` returns the objective of training;
    - `_reconstruction_loss` returns the loss of numbers;
    - `_describe_fit` sets the variant's own fitted attributes, all that it declares:
      ``self.net_.get_iterator(rows)`` cuts the training rows into batches, and
      ``caller_type(self.mean_).to_caller(tensor)`` makes of a tensor what the caller has;
    - `_draw_codes` returns the codes that `sample` decodes.

    Values of the class say what its codes are:

    - `_codes_have_a_scale`: the objective gives them one; the others get unit variance, or are
      `StandardizedCodes`, which have a parameter for that;
    - `_draws_from`: what `sample` draws them from, a "mixture" that is fitted on codes of training
      rows, these "codes", which need a `_draw_codes`, or a "prior", standard normal without one;
    - `_keeps_codes`: whether codes of training rows are kept, for that or for `_describe_fit` in
      the next call of `partial_fit`;
    - `_fixed_parameters`: names of own parameters that continued training may not change.
    """

    @fit_context(prefer_skip_nested_validation=True)
    @torch_defaults()
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, groups: Any = None) -> Self:
        """Train the autoencoder.

        Where ``torch.distributed`` is initialised, all of its ranks train together: each calls
        `fit` with the same rows and parameters, and ends with the same network.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor, source} of shape (n_samples, n_features)
            Training rows. float32 and float64 are kept, other numbers become float64. A sparse
            matrix never becomes dense as a whole. Images and windows may come as arrays of three
            or four dimensions where the `network` takes them.
            A table may be larger than memory, and is then read part by part: the path of a Parquet
            file or of a folder of them, a list of paths, a dataset of Arrow, a collection of Dask,
            an array that is mapped from a file (``numpy.load(file, mmap_mode="r")``), or an object
            with a length and slices, such as a dataset of HDF5.
            A cell is missing if it is NaN, None, ``pd.NA``, NaT, or a null of polars or Arrow. Any
            other value is one: replace codes such as -999 first. Sparse matrices and tensors under
            array API dispatch may have no missing cells.
        y : None
            Ignored, present for the conventions of scikit-learn. :class:`DenoisingAutoencoder`
            takes rows that the rows of `X` should become, and with ``conditional=True``
            :class:`VariationalAutoencoder` and :class:`AdversarialAutoencoder` the class of each
            row, -1 where there is none.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts; rows of weight zero are left out.
        groups : array-like of shape (n_samples,), default=None
            What rows belong together, such as the recording that windows are from (see
            :meth:`skae.windows.Windows.window_groups`). Held-out rows are those of whole groups,
            of which `validation_fraction` is the share; a splitter may use them as well. Rows of a
            group are alike, and in both parts they would make the loss of held-out rows too low.

        Returns
        -------
        self : object
            The fitted estimator. If fitting fails, it stays as it was.

        Raises
        ------
        ValueError
            For invalid parameters or data, or if the loss becomes infinite or NaN. On several ranks
            also if rows or parameters differ between them, a batch has fewer rows than there are
            ranks, or the network or a callback needs all rows of a batch in one process.
        RuntimeError
            If another rank ended, or does not come within 40 seconds.

        Warns
        -----
        UserWarning
            If training is interrupted from the keyboard; the best weights so far stay. If a
            launcher such as torchrun started several processes that train alone. If `y`
            looks like a target of the reconstruction, or parameters of the dense network are set
            beside another `network`: both are ignored. If the standard deviations of columns
            differ a thousandfold, or text holds dates or is another one in most rows.
        ConvergenceWarning
            If `max_iter` ends training under a schedule that is not planned to its end, or the
            error of the fit is above that of the column means.
        """
        y = self._pairs_of(X, y)
        warn_of_ignored_parameters(self)
        with as_before_on_error(self):
            continued = bool(self.warm_start) and hasattr(self, "net_")
            ranks = ranks_of_process()
            rows = validated_by(
                ranks, self, lambda: self._validated(X, y, sample_weight, 2, reset=not continued)
            )
            given = None
            if groups is not None or chooses_rows(self.validation_fraction):
                given = GivenRows.of(rows, sample_weight, groups)
            self._run(self._prepare_fit(rows, continued, given, ranks))
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Continue training for one pass over these rows.

        The first call sets the scaling, the number of components and the start from its
        rows (of an iterator, from its first chunk), which should be a fair sample. If all of
        them are equal, the first call with rows that differ sets these again. Columns of several
        types and their categories stay those of the first call. The learning rate is constant, and
        no rows are held out.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features) or Iterator
            The next rows, or an iterator (a generator, for example) over chunks of them. It trains
            on one chunk after the other, and only one is in memory.
        y : None
            As in :meth:`fit`; not for an iterator.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts; not for an iterator.

        Returns
        -------
        self : object
            The fitted estimator. If fitting fails, at whatever chunk, it stays as it was.

        Raises
        ------
        ValueError
            As :meth:`fit`; also for an empty iterator, an iterator with `y` or weights, a callback
            that needs held-out rows, or on several ranks.
        """
        refuse_several_ranks(f"partial_fit of {type(self).__name__}")
        chunks = X if isinstance(X, Iterator) else [X]
        if chunks is X:
            _refuse_beside_chunks(y=y, sample_weight=sample_weight)
        else:
            y = self._pairs_of(X, y)
        if not hasattr(self, "net_"):
            warn_of_ignored_parameters(self)
        n_chunks = 0
        with as_before_on_error(self):
            for chunk in until_interrupted(chunks):
                # The first chunk copies the net, the others train the copy.
                self._pass_over(chunk, y, sample_weight, keep_net=n_chunks > 0)
                n_chunks += 1
                # The next chunk is made before this name is given to it.
                del chunk
                if self.net_.interrupted_:
                    break
            if n_chunks == 0:
                raise ValueError("X is an iterator without a single chunk, expected one at least.")
        return self

    @torch_defaults()
    def _pass_over(self, X: Any, y: Any, sample_weight: Any, keep_net: bool) -> None:
        """Train for one pass over a chunk."""
        self._check_no_held_out_need()
        continued = hasattr(self, "net_")
        n_needed = 1 if continued else 2
        rows = self._validated(X, y, sample_weight, n_needed, reset=not continued)
        self._run(self._prepare_pass(rows, continued, keep_net))

    def _pairs_of(self, X: Any, y: Any) -> Any:
        """Return `y` if it holds what each row of `X` should become, None if it is ignored."""
        warn_of_ignored_target(X, y)

    def _validated(self, X: Any, y: Any, sample_weight: Any, n_needed: int, reset: bool) -> FitRows:
        """Return the rows that count; `y` is None, or what these should become."""
        self._check_parameters(continued=not reset)
        network = self._make_network() if reset else self.network_
        X, caller = validate_rows(
            self,
            X,
            "fit" if reset else "partial_fit",
            network,
            reset=reset,
            ensure_min_samples=n_needed,
            sample_weight=sample_weight,
        )
        self._check_takes(caller)
        if not reset:
            self._check_pairs_go_on(y)
        if y is None:
            return FitRows(*self._counted(X, sample_weight, n_needed), caller)
        if isinstance(LOSSES[self.loss], type):
            raise ValueError(
                f"loss={self.loss!r} judges counts by the total of their own row, and y holds what "
                f"other rows should become. Use another loss for pairs, such as 'poisson'."
            )
        target = validate_target_rows(self, y, X, caller, network)
        check_range(target.Y, LOSSES[self.loss], name="y")
        Y, _ = drop_weightless_rows(target.Y, sample_weight, n_needed)
        X, weight = drop_weightless_rows(X, sample_weight, n_needed)
        return FitRows(X, weight, caller, replace(target, Y=Y))

    def _check_pairs_go_on(self, y: Any) -> None:
        """Refuse to continue a fit of pairs with rows alone, and a fit of rows with pairs."""
        if (self._target is None) != (y is None):
            had, has = ("no", "one") if y is not None else ("a", "none")
            raise ValueError(
                f"The first fit had {had} y with what the rows of X should become, and there is "
                f"{has} now. Training goes on with the same kind of rows: give them, or set "
                f"warm_start=False and call fit."
            )

    def _check_takes(self, caller: CallerType) -> None:
        """Refuse a table with columns of several types or gaps if something needs numbers."""
        needs_numbers = self._why_only_numbers()
        if caller.frame is not None and needs_numbers:
            raise ValueError(
                f"X has columns of several types or with gaps. {needs_numbers} does not take them. "
                f"Use loss='squared_error', 'absolute_error' or 'huber' and the dense network, or "
                f"give numbers without gaps."
            )

    def _counted(self, X: Any, sample_weight: Any, n_needed: int) -> tuple[Any, Any]:
        """Return the validated rows that count and their weights of mean one, or None."""
        check_range(X, LOSSES[self.loss])
        return drop_weightless_rows(X, sample_weight, n_needed)

    def _check_parameters(self, continued: bool) -> None:
        """Refuse parameters that do not go together, before rows are read."""

    def _why_only_numbers(self) -> str | None:
        """Return what needs a table of numbers without gaps, None if nothing does."""
        return type(self).__name__

    def _why_no_gaps(self) -> str | None:
        """Return what needs rows of numbers of one scale without gaps, None if nothing does."""
        # A share of a total that is not known says nothing.
        of_counts = isinstance(LOSSES.get(self.loss), type)
        return f"loss={self.loss!r}" if of_counts else None

    # -- rows that are validated already ----------------------------------------------

    def _partial_fit_rows(self, X: Any, sample_weight: Any, caller: CallerType) -> Self:
        """Do as `partial_fit`, on validated rows of a table that `caller` describes."""
        with as_before_on_error(self):
            self._check_no_held_out_need()
            continued = hasattr(self, "net_")
            self._check_parameters(continued)
            rows = FitRows(*self._counted(X, sample_weight, 1 if continued else 2), caller)
            self._run(self._prepare_pass(rows, continued, keep_net=False))
        return self

    # -- scikit-learn's protocols -----------------------------------------------------

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.array_api_support = True
        takes_columns = self._why_only_numbers() is None
        tags.input_tags.allow_nan = takes_columns or self._why_no_gaps() is None
        tags.input_tags.categorical = tags.input_tags.string = takes_columns
        tags.input_tags.positive_only = getattr(LOSSES.get(self.loss), "minimum", -1) == 0
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _refuse_beside_chunks(**of_rows: Any) -> None:
    """Raise a ValueError for a parameter with a value for each row."""
    for name, value in of_rows.items():
        if value is not None:
            raise ValueError(
                f"{name} cannot be given for an iterator of chunks. Call partial_fit for each "
                f"chunk with its own {name}."
            )
