"""The transformer that cuts recordings into windows."""

from dataclasses import field
from functools import partial
from typing import Annotated, Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted, validate_data

from skae._compat import check_feature_names_in, fit_context
from skae._typing import ArrayOf
from skae.estimators.base import PositiveInt, fitted

from ._overlap_add import Sizes, counts_of, reach_of, taper_of
from ._piece_transformer import PieceTransformer, read_values, with_shape


class Windows(PieceTransformer):
    """Cuts recordings into windows, and puts windows together to recordings.

    Each window is a row, so that an autoencoder, PCA or any other transformer of scikit-learn
    learns from a recording, and in a pipeline cleans it as a whole. Where windows overlap,
    `inverse_transform` averages them, weighted by a window function such as Hann's, so that no
    seams show. Windows that nothing changed give back the recording, up to rounding.

    Parameters
    ----------
    window_length : int, default=64
        Samples in a window.
    step : int or None, default=None
        Samples from the start of a window to that of the next, at most `window_length`, as nothing
        could fill a gap between windows. None is half of `window_length`. A smaller step averages
        more answers, which removes more noise and takes more time.
    taper : str, default="hann"
        Name of the window function of :func:`scipy.signal.get_window` that weights the samples of a
        window where windows overlap. "hann" trusts the middle of a window most, as an autoencoder
        knows less about what lies at its ends. "boxcar" takes plain means, which remove more noise
        where `step` is a small part of `window_length`.
    flatten : bool, default=True
        Whether windows of several channels become rows of a table, all channels of the first sample
        first, as most estimators need them. False returns arrays of shape
        (n_windows, window_length, n_channels), from which
        :class:`~skae.networks.SequenceNetwork` takes the shape of a window.

    Attributes
    ----------
    n_times_ : ndarray of shape (n_recordings,)
        Lengths of the recordings of `fit`.
    n_features_in_ : int
        Number of channels, 1 for a recording of one dimension.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the channels, if `fit` was given a DataFrame.

    See Also
    --------
    Patches : The same for images.
    skae.networks.SequenceNetwork : A network for windows of several channels.
    skae.DenoisingAutoencoder : Learns to remove noise.

    Notes
    -----
    The windows start at every `step`-th sample. Where the last one reaches beyond the end of the
    recording, the end is mirrored there, by less than `step` samples.

    `transform` keeps no state, so `inverse_transform` cannot know how long a recording was. If it
    is given as many windows as the recordings of `fit` have, it gives back these recordings at
    their exact lengths. Any other number of windows becomes one recording, as far as the windows
    reach: less than `step` samples longer than it was. ``[:len(recording)]`` cuts these off, or
    `n_times` tells the lengths. Several other recordings need it, and so does another one that
    happens to have as many windows as those of `fit`. In a pipeline, `n_times` and `groups` are
    metadata: ``Windows().set_inverse_transform_request(n_times=True)``.

    Windows are a view of a recording in memory or in a mapped file, not a copy, unless there are
    several recordings or channels, or the end is mirrored.

    Windows that overlap are alike, so that held-out windows of a recording that also trains the
    network say little. :meth:`window_groups` gives the groups of windows, and `fit` of an
    autoencoder holds out whole groups: recordings, or, of a single recording, stretches of time as
    in ``groups=np.arange(len(recording)) // 8000``. In a pipeline these are
    ``pipeline.fit(X, windows__groups=groups, autoencoder__groups=windows.window_groups(groups))``,
    with the names of the steps.

    Gaps, NaN, stay in the windows: the autoencoders of this package fill them.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from skae import DenoisingAutoencoder
    >>> from skae.windows import Windows
    >>> rng = np.random.default_rng(0)
    >>> tone = np.sin(np.arange(3000) / 5)
    >>> noisy = tone + 0.3 * rng.normal(size=3000)
    >>> autoencoder = DenoisingAutoencoder(
    ...     4, noise="gaussian", noise_level=0.3, max_iter=5, random_state=0
    ... )
    >>> pipeline = make_pipeline(Windows(64, step=16), autoencoder).fit(noisy)
    >>> clean = pipeline.inverse_transform(pipeline.transform(noisy))
    >>> clean.shape
    (3000,)
    >>> bool(np.std(clean - tone) < 0.5 * np.std(noisy - tone))
    True
    """

    window_length: PositiveInt = field(default=64, kw_only=False)
    step: PositiveInt | None = None
    taper: str = "hann"
    flatten: bool = True

    n_times_: Annotated[np.ndarray, ArrayOf("int", None)] = fitted()
    n_features_in_: int = fitted()
    feature_names_in_: Annotated[np.ndarray, ArrayOf("str", None)] = fitted(optional=True)
    # The shape of what a recording holds at one time: () or (n_channels,).
    _channels: tuple = fitted()

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None, groups: Any = None) -> Self:
        """Learn the lengths of the recordings and their channels.

        Parameters
        ----------
        X : array-like of shape (n_times,) or (n_times, n_channels)
            A recording, or several one after the other.
        y : None
            Ignored, present for the conventions of scikit-learn.
        groups : array-like of shape (n_times,), default=None
            Which recording each sample belongs to. A new recording begins wherever the value
            changes, and no window reaches from one into the next. None is one recording.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError
            For invalid parameters, infinite values, a `step` above `window_length`, or a recording
            that is shorter than a window.
        """
        self._check_parameters()
        values = self._read(X, reset=True)
        lengths = self._lengths(groups, values.shape[0])
        self.n_times_ = np.array(lengths)
        self._channels = values.shape[1:]
        self.n_features_in_ = values.shape[1] if values.ndim > 1 else 1
        return self

    def transform(self, X: Any, groups: Any = None) -> Any:
        """Cut recordings into windows.

        Parameters
        ----------
        X : array-like of shape (n_times,) or (n_times, n_channels)
            A recording, or several one after the other, of any length.
        groups : array-like of shape (n_times,), default=None
            As in :meth:`fit`.

        Returns
        -------
        windows : ndarray of shape (n_windows, window_length * n_channels)
            The windows, those of the first recording first. Without `flatten`, the shape is
            (n_windows, window_length, n_channels), if X has channels.
        """
        check_is_fitted(self)
        values = self._read(X, reset=False)
        lengths = self._lengths(groups, len(values))
        ends = np.cumsum(lengths)[:-1]
        windows = [self._cut(recording) for recording in np.split(values, ends)]
        return self._rows(windows[0] if len(windows) == 1 else np.concatenate(windows))

    def fit_transform(  # type: ignore[override]
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Any:
        """Learn the lengths of recordings, and cut these into windows.

        Parameters
        ----------
        X : array-like of shape (n_times,) or (n_times, n_channels)
            A recording, or several one after the other.
        y : None
            Ignored, present for the conventions of scikit-learn.
        groups : array-like of shape (n_times,), default=None
            As in :meth:`fit`.

        Returns
        -------
        windows : ndarray of shape (n_windows, window_length * n_channels)
            As of :meth:`transform`.
        """
        return self.fit(X, y, groups=groups).transform(X, groups=groups)

    def inverse_transform(self, X: Any, n_times: Any = None) -> np.ndarray:
        """Put windows together to recordings.

        Parameters
        ----------
        X : array-like of shape (n_windows, window_length * n_channels) or \
                (n_windows, window_length, n_channels)
            Windows as `transform` returns them, changed or not.
        n_times : int or array-like of int, default=None
            Length of the recording, or of each of several. None is as in `fit` if there are as many
            windows as there; otherwise one recording, as far as the windows reach.

        Returns
        -------
        recordings : ndarray of shape (n_times,) or (n_times, n_channels)
            The recordings, one after the other.

        Raises
        ------
        ValueError
            If rows have another width than windows, or recordings of `n_times` have another number
            of windows.
        """
        check_is_fitted(self)
        windows = self._checked_pieces(
            X, f"windows of window_length={self.window_length} samples are"
        )
        lengths = self._lengths_of_windows(len(windows), n_times)
        counts = [self._n_windows(length) for length in lengths]
        parts = np.split(windows, np.cumsum(counts)[:-1])
        joined = [self._joined(part, (len(part),)) for part in parts]
        cut = [one[:length] for one, length in zip(joined, lengths, strict=True)]
        return cut[0] if len(cut) == 1 else np.concatenate(cut)

    def window_groups(self, groups: Any) -> np.ndarray:
        """Return the group of each window.

        Parameters
        ----------
        groups : array-like of shape (n_times,)
            Which recording each sample belongs to, as in :meth:`fit`.

        Returns
        -------
        window_groups : ndarray of shape (n_windows,)
            The group that all samples of a window are of, for a splitter of scikit-learn or `fit`
            of an autoencoder.
        """
        groups = np.asarray(groups)
        lengths = self._lengths(groups, groups.size)
        starts = np.cumsum([0, *lengths[:-1]])
        return np.repeat(groups[starts], [self._n_windows(length) for length in lengths])

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the columns of windows in a table.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the channels, which must be those of `fit`.

        Returns
        -------
        names : ndarray of str
            ``channel_t0``, ``channel_t1`` and so on, in the order of the columns.
        """
        check_is_fitted(self)
        channels = check_feature_names_in(self, input_features)
        times = range(self.window_length)
        return np.array([f"{channel}_t{t}" for t in times for channel in channels], dtype=object)

    # -- sizes ------------------------------------------------------------------------

    def _sizes(self) -> Sizes:
        return (self.window_length,)

    def _steps(self) -> Sizes:
        return (self.step or -(-self.window_length // 2),)

    def _channels_of_fit(self) -> Sizes:
        return self._channels

    def _n_windows(self, length: int) -> int:
        return counts_of((length,), self._sizes(), self._steps())[0]

    def _lengths(self, groups: Any, n_times: int) -> list[int]:
        """Return the lengths of the recordings, of which none is shorter than a window."""
        if groups is None:
            starts = np.zeros(1, dtype=int)
        else:
            groups = np.asarray(groups)
            if groups.shape != (n_times,):
                raise ValueError(
                    f"groups has the shape {groups.shape}, but X has {n_times} samples. Give one "
                    f"value for each sample: the recording that it is from."
                )
            starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
        lengths = np.diff(starts, append=n_times)
        for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
            if length < self.window_length:
                which = ""
                if groups is not None:
                    group = groups[start : start + 1].tolist()[0]
                    which = f" of group {group!r} that begins at sample {start}"
                raise ValueError(
                    f"window_length={self.window_length} is longer than the recording{which}, "
                    f"which has {length} samples. Use shorter windows, or leave such recordings "
                    f"out."
                )
        return lengths.tolist()

    def _lengths_of_windows(self, n_windows: int, n_times: Any) -> list[int]:
        """Return the lengths of the recordings that so many windows are put together to."""
        if n_times is None:
            if n_windows == sum(map(self._n_windows, self.n_times_.tolist())):
                return self.n_times_.tolist()
            return [*reach_of((n_windows,), self._sizes(), self._steps())]
        lengths = np.atleast_1d(np.asarray(n_times))
        if lengths.ndim > 1 or lengths.dtype.kind not in "iu" or lengths.min() < self.window_length:
            raise ValueError(
                f"n_times must hold lengths of recordings, integers of at least "
                f"window_length={self.window_length}, got {n_times!r}."
            )
        n_needed = sum(map(self._n_windows, lengths.tolist()))
        if n_needed != n_windows:
            raise ValueError(
                f"n_times={n_times!r} makes {n_needed} windows, but X has {n_windows} rows. Give "
                f"the length of each recording that X is from."
            )
        return lengths.tolist()

    # -- checks -----------------------------------------------------------------------

    def _check_parameters(self) -> None:
        if self.step is not None and self.step > self.window_length:
            raise ValueError(
                f"step={self.step} is larger than window_length={self.window_length}, which leaves "
                f"gaps between windows that inverse_transform cannot fill. Use a step of at most "
                f"{self.window_length}."
            )
        taper_of(self.taper, self.window_length)

    def _read(self, X: Any, reset: bool) -> np.ndarray:
        X = with_shape(X)
        if len(X.shape) > 2:
            raise ValueError(
                f"Found array with dim {len(X.shape)}, while dim <= 2 is required by Windows: X "
                f"has the shape {X.shape}. Give recordings of shape (n_times, n_channels), one "
                f"after the other, and tell them apart by groups."
            )
        read = partial(validate_data, self, reset=reset, ensure_2d=len(X.shape) != 1)
        values = read_values(X, read)
        if not reset and values.shape[1:] != self._channels:
            expected = "".join(f", {n}" for n in self._channels) or ","
            raise ValueError(
                f"X has the shape {values.shape}, but Windows was fitted on recordings of shape "
                f"(n_times{expected})."
            )
        return values
