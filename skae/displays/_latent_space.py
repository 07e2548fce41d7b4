"""The picture of codes in two dimensions."""

from typing import Any, Literal, Self

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.utils import check_consistent_length, check_random_state

from skae.inspection import as_array, codes_of, sample, share_in_words, take
from skae.tables import check_in_memory

from ._axes import one_axes, pyplot
from ._check import check_estimator
from ._groups import Classes, groups_of

_METHODS = "codes", "pca", "tsne"
# Most rows by default: t-SNE of more takes minutes, and points of more hide each other.
_MOST_ROWS = {"codes": 100_000, "pca": 100_000, "tsne": 2_000}
# Above this many rows without classes a density is drawn.
_MOST_POINTS = 5_000


class LatentSpaceDisplay:
    """Codes of rows in two dimensions, coloured by class or value.

    It shows whether codes tell classes apart, hold groups, or have rows far from all others.
    :meth:`from_estimator` or :meth:`from_predictions` make it; all parameters are stored as
    attributes.

    Parameters
    ----------
    points : ndarray of shape (n_drawn, 2) or (n_drawn, 1)
        Where each row is drawn; one column for a code of one component.
    names : list of str
        Names of the axes.
    groups : ndarray of shape (n_drawn,), Classes or None, default=None
        Values of the rows; or their classes, with the class of each row in ``groups.places`` and
        the names in ``groups.names``.
    share : str, default=""
        How many rows are drawn, if not all.

    Attributes
    ----------
    scatter_ : list of matplotlib PathCollection
        The points, class by class; empty for densities and histograms.
    hexbin_ : matplotlib PolyCollection or None
        The density: the number of rows in each cell, or the mean of their values.
    histogram_ : list of matplotlib BarContainer
        The bars of a code of one component, class by class.
    ax_ : matplotlib Axes
        Axes with the codes.
    figure_ : matplotlib Figure
        Figure that holds them.

    See Also
    --------
    LatentTraversalDisplay : Shows what single components do.
    sklearn.manifold.TSNE : Keeps neighbours together, but no distances between groups.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoencoderTransformer
    >>> from skae.displays import LatentSpaceDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> ae = AutoencoderTransformer(8, max_iter=3, random_state=0).fit(X)
    >>> display = LatentSpaceDisplay.from_estimator(ae, X, y, method="pca")
    >>> display.points.shape
    (1797, 2)
    """

    def __init__(
        self,
        *,
        points: np.ndarray,
        names: list[str],
        groups: np.ndarray | Classes | None = None,
        share: str = "",
    ) -> None:
        self.points = points
        self.names = names
        self.groups = groups
        self.share = share

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        method: Literal["codes", "pca", "tsne"] = "codes",
        components: tuple[int, int] = (0, 1),
        kind: Literal["auto", "scatter", "density"] = "auto",
        max_samples: int | Literal["auto"] | None = "auto",
        random_state: Any = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the codes that a fitted estimator gives rows.

        Parameters
        ----------
        estimator : estimator
            A fitted autoencoder, or any estimator with ``transform``.
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,), default=None
            Classes or values to colour by. Numbers of more than twenty kinds are values.
        method : {"codes", "pca", "tsne"}, default="codes"
            "codes" draws two components as they are, "pca" the two directions in which codes vary
            most, "tsne" a map in which neighbours stay neighbours. Distances between groups, and
            how dense they are, mean nothing in the last.
        components : tuple of two int, default=(0, 1)
            The components to draw, for ``method="codes"``. If there is only one, a histogram is
            drawn, or for values in `y` these against the code.
        kind : {"auto", "scatter", "density"}, default="auto"
            "scatter" draws a point for each row, "density" how many rows there are, or the mean of
            their values. "auto" is a density for more than 5,000 rows without classes.
        max_samples : int, None or "auto", default="auto"
            Most rows to draw, at random; None draws all. "auto" is 100,000, and 2,000 for "tsne".
        random_state : int, RandomState instance or None, default=None
            Determines which rows are drawn, and the map of "tsne".
        ax : matplotlib Axes, default=None
            Axes to draw on. None makes a new figure.
        **kwargs : dict
            Arguments of matplotlib's ``scatter``, ``hexbin`` or ``hist``.

        Returns
        -------
        display : LatentSpaceDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the rows do not fit it, `y` has another length, or there are no such components.
        """
        check_estimator(estimator, cls.__name__, "transform")
        check_in_memory(X, cls.__name__)
        check_consistent_length(X, y)
        X, places, n_rows = sample(X, _n_most(method, max_samples), random_state)
        codes = codes_of(estimator, X)
        groups = None if y is None else groups_of(take(y, places))
        share = share_in_words(len(codes), n_rows)
        points, names = _points_of(codes, method, components, random_state)
        made = cls(points=points, names=names, groups=groups, share=share)
        return made.plot(kind=kind, ax=ax, **kwargs)

    @classmethod
    def from_predictions(
        cls,
        codes: Any,
        y: Any = None,
        *,
        method: Literal["codes", "pca", "tsne"] = "codes",
        components: tuple[int, int] = (0, 1),
        kind: Literal["auto", "scatter", "density"] = "auto",
        max_samples: int | Literal["auto"] | None = "auto",
        random_state: Any = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw codes that are known already.

        Parameters
        ----------
        codes : array-like of shape (n_samples, n_components)
            Codes as ``transform`` gives them.
        y : array-like of shape (n_samples,), default=None
            Classes or values to colour by.
        method : {"codes", "pca", "tsne"}, default="codes"
            As in :meth:`from_estimator`.
        components : tuple of two int, default=(0, 1)
            As in :meth:`from_estimator`.
        kind : {"auto", "scatter", "density"}, default="auto"
            As in :meth:`from_estimator`.
        max_samples : int, None or "auto", default="auto"
            As in :meth:`from_estimator`.
        random_state : int, RandomState instance or None, default=None
            As in :meth:`from_estimator`.
        ax : matplotlib Axes, default=None
            Axes to draw on. None makes a new figure.
        **kwargs : dict
            Arguments of matplotlib's ``scatter``, ``hexbin`` or ``hist``.

        Returns
        -------
        display : LatentSpaceDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If `codes` is no table, `y` has another length, or there are no such components.
        """
        codes = as_array(codes)
        if codes.ndim != 2:
            raise ValueError(f"codes must be a table, got an array of shape {codes.shape}.")
        check_consistent_length(codes, y)
        codes, places, n_rows = sample(codes, _n_most(method, max_samples), random_state)
        groups = None if y is None else groups_of(take(y, places))
        share = share_in_words(len(codes), n_rows)
        points, names = _points_of(codes, method, components, random_state)
        made = cls(points=points, names=names, groups=groups, share=share)
        return made.plot(kind=kind, ax=ax, **kwargs)

    def plot(
        self,
        *,
        kind: Literal["auto", "scatter", "density"] = "auto",
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the codes.

        Parameters
        ----------
        kind : {"auto", "scatter", "density"}, default="auto"
            As in :meth:`from_estimator`.
        ax : matplotlib Axes, default=None
            Axes to draw on. None makes a new figure.
        **kwargs : dict
            Arguments of matplotlib's ``scatter``, ``hexbin`` or ``hist``.

        Returns
        -------
        display : LatentSpaceDisplay
            The display itself.

        Raises
        ------
        TypeError
            If `ax` is no Axes of matplotlib.
        ValueError
            If `kind` is unknown.
        """
        if kind not in ("auto", "scatter", "density"):
            raise ValueError(f"kind must be 'auto', 'scatter' or 'density', got {kind!r}.")
        has_classes = isinstance(self.groups, Classes)
        if kind == "auto":
            is_dense = len(self.points) > _MOST_POINTS and not has_classes
            kind = "density" if is_dense else "scatter"
        self.ax_ = one_axes(ax)
        self.figure_ = self.ax_.figure
        self.scatter_: list[Any] = []
        self.histogram_: list[Any] = []
        self.hexbin_: Any = None
        x, names = self.points[:, 0], [*self.names, "rows"]
        y = self.points[:, -1]
        values = None if has_classes else self.groups
        if self.points.shape[1] == 1 and isinstance(self.groups, np.ndarray):
            names[1], y, values = "y", self.groups, None
        if self.points.shape[1] == 1 and names[1] == "rows":
            self._draw_histogram(x, kwargs)
        elif kind == "density":
            self._draw_density(x, y, values, kwargs)
        else:
            self._draw_points(x, y, values, kwargs)
        self.ax_.set_xlabel(names[0])
        self.ax_.set_ylabel(names[1])
        if self.share:
            self.ax_.set_title(self.share, fontsize="medium")
        if has_classes and kind == "scatter":
            legend = self.ax_.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
            for handle in legend.legend_handles:
                handle.set_alpha(1)
        return self

    def _draw_histogram(self, x: np.ndarray, kwargs: dict[str, Any]) -> None:
        of_classes = self._of_classes()
        colours = [colour for _, _, colour in of_classes]
        labels = [name for _, name, _ in of_classes]
        style = {"bins": 30, "stacked": True, "color": colours, "label": labels, **kwargs}
        bars = self.ax_.hist([x[rows] for rows, _, _ in of_classes], **style)[2]
        self.histogram_ = list(bars) if len(of_classes) > 1 else [bars]

    def _draw_density(self, x: np.ndarray, y: np.ndarray, values: Any, kwargs: Any) -> None:
        # A logarithm shows the rare rows beside the many.
        how = {"bins": "log"} if values is None else {"C": values}
        self.hexbin_ = self.ax_.hexbin(x, y, **{"gridsize": 40, "mincnt": 1, **how, **kwargs})
        label = "rows in a cell" if values is None else "mean of y"
        self.figure_.colorbar(self.hexbin_, ax=self.ax_, label=label)

    def _draw_points(self, x: np.ndarray, y: np.ndarray, values: Any, kwargs: Any) -> None:
        # Many points are small and let others shine through.
        many = len(x) > 1_000
        style = {"s": 6 if many else 16, "alpha": 0.5 if many else 0.8, "linewidths": 0, **kwargs}
        if values is not None:
            self.scatter_ = [self.ax_.scatter(x, y, c=values, **style)]
            self.figure_.colorbar(self.scatter_[0], ax=self.ax_, label="y")
            return
        for rows, name, colour in self._of_classes():
            colour = {} if {"c", "color"} & {*kwargs} else {"color": [colour]}
            self.scatter_.append(self.ax_.scatter(x[rows], y[rows], label=name, **colour, **style))

    def _of_classes(self) -> list[tuple[np.ndarray, str, Any]]:
        """Return rows, name and colour of each class; one class of all if there are none."""
        if not isinstance(self.groups, Classes):
            return [(np.arange(len(self.points)), "", "C0")]
        names = self.groups.names
        colours = pyplot().get_cmap("tab10" if len(names) <= 10 else "tab20").colors
        places = self.groups.places
        return [(np.flatnonzero(places == i), one, colours[i]) for i, one in enumerate(names)]


def _n_most(method: str, max_samples: Any) -> int | None:
    if method not in _METHODS:
        raise ValueError(f"method must be 'codes', 'pca' or 'tsne', got {method!r}.")
    return _MOST_ROWS[method] if max_samples == "auto" else max_samples


def _points_of(
    codes: np.ndarray, method: str, components: Any, random_state: Any
) -> tuple[np.ndarray, list[str]]:
    """Return where codes are drawn, and the names of the axes."""
    n_rows, n_components = codes.shape
    if n_components == 1:
        return codes, ["code 0"]
    if method == "codes":
        chosen = np.asarray(components)
        fits = chosen.shape == (2,) and chosen.dtype.kind in "iu" and chosen[0] != chosen[1]
        if not fits or (chosen < 0).any() or (chosen >= n_components).any():
            raise ValueError(
                f"components must be two different numbers from 0 to {n_components - 1}, got "
                f"{components}."
            )
        return codes[:, chosen], [f"code {i}" for i in chosen]
    if n_rows < 3:
        raise ValueError(f"method={method!r} needs at least 3 rows, got {n_rows}.")
    if method == "pca":
        pca = PCA(2, random_state=0).fit(codes)
        shares = pca.explained_variance_ratio_
        which = "first", "second"
        names = [f"{w} direction ({s:.0%} of variance)" for w, s in zip(which, shares, strict=True)]
        return pca.transform(codes), names
    rng = check_random_state(random_state)
    tsne = TSNE(perplexity=min(30, (n_rows - 1) / 3), random_state=rng)
    return tsne.fit_transform(codes), ["t-SNE 1", "t-SNE 2"]
