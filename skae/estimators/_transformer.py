"""The plain autoencoder."""

from skae.engine import ScheduleName

from .base import BaseAutoencoder, ColumnParameters, Positive, PositiveInt, StandardizedCodes


class AutoencoderTransformer(StandardizedCodes, ColumnParameters, BaseAutoencoder):
    """Autoencoder: nonlinear dimensionality reduction with an inverse.

    An encoder maps each row to a short code, a decoder maps the code back to the row, and
    both are trained together for the least reconstruction error (Hinton and Salakhutdinov,
    2006). Without hidden layers this is PCA (Baldi and Hornik, 1989); with them the same number
    of components reconstructs more.

    The estimator centres the data and divides them by one scalar, so features keep their relative
    weight, as in PCA. Put a :class:`~sklearn.preprocessing.StandardScaler` before it if the
    features have different units. Codes have zero mean over the training rows, and unit variance
    if `standardize`.

    A table may also have columns of text, categories, truth values, dates and numbers, and cells
    without a value (NaN, None, NaT). Each column is then scaled by itself, training starts at the
    factor analysis of mixed data instead of PCA, and errors are relative: that of a column is 1 for
    an answer that is the same for all rows, and that of a row is the mean over its cells that have
    a value. Reconstructions are tables like those of the caller, in which gaps are filled.

    Parameters
    ----------
    learning_rate_init : float, default=4.5e-3
        Highest learning rate. What other estimators do, 50 epochs of "one_cycle" at 2e-3, takes 1.3
        times as long. Errors of the default are 4% smaller on average over 20 tables, and on single
        ones up to 2.5% larger.
    learning_rate : {"averaged", "constant", "one_cycle", "cosine", "plateau"}, default="averaged"
        Schedule of the learning rate over the planned steps. "averaged" rises in a tenth of the
        steps and then falls in a straight line. Held-out rows judge a running mean of the weights,
        mostly of the last twentieth of the steps, and the fit keeps it (Polyak and Juditsky, 1992):
        it is nearer to the minimum than steps at a high rate are. A linear path beside hidden
        layers starts near its optimum, at PCA, and takes a third of the rate. Optimizers forget
        gradients sooner: "adam" and "adamw" have betas of 0.8 and 0.95, "rmsprop" an alpha of 0.95.
        One of your own keeps its settings, and one rate for all layers.
        "one_cycle" rises and falls (Smith and Topin, 2019), "cosine" falls from the start,
        "plateau" divides by five when the monitored loss stagnates for a third of
        `n_iter_no_change` epochs. `partial_fit` has no schedule: it takes a third of the highest
        rate of "averaged", and `learning_rate_init` itself for the others.
    max_iter : int, default=36
        Most epochs, and the length of the schedule.

    See Also
    --------
    sklearn.decomposition.PCA : The best linear encoder and decoder.
    sklearn.decomposition.KernelPCA : Nonlinear components without training.
    sklearn.neural_network.MLPRegressor : ``fit(X, X)`` trains an autoencoder by hand.

    Notes
    -----
    Training runs in float32, except where an epoch is a single batch of float64 rows on the
    CPU: double precision costs next to nothing there. Integer weights then equal repeated rows,
    if no rows are held out and nothing is drawn at random (dropout, noise). An epoch is a single
    batch if `batch_size` is at least the number of rows, or if that is "auto" and there are at most
    48 rows, repeated ones counted. In smaller batches weights count in the loss as repeated rows
    do, but the batches differ.

    Categories enter as a one among zeros, dates also by the time of day, the day of the week and
    the season, and gaps by an indicator; in training some cells more are hidden from the encoder,
    as they are missing in other rows, so that it learns to fill them. What a gap hides never
    matters: neither a loss nor a gradient depends on it. A category that `fit` has not seen is a
    gap, which costs more than the rarest one in :meth:`score_samples`. After a `fit` on numbers
    without gaps a gap is the mean of its column. Columns that change their type, are lost, or are
    new, are errors, and so are rows and columns without a single value.

    Images, windows, and the losses "log_loss" and "poisson" take numbers only, which keep their
    common scale, but may have gaps as well: the network sees the mean of a missing cell and an
    indicator channel, and :meth:`reconstruct` fills holes. After a `fit` without gaps "log_loss"
    and "poisson" take none.

    Output always has the dtype of the input. Large tables of float32, in memory or in a mapped
    file, are read in place; others are copied once.

    Every method takes torch tensors. It returns NumPy arrays or, with
    ``sklearn.set_config(array_api_dispatch=True)`` (which needs ``SCIPY_ARRAY_API=1`` in
    the environment), tensors on the device of the input. With ``device="cuda"`` the rows of CUDA
    tensors never leave the GPU. A model fitted on arrays takes tensors, and the reverse.

    Small networks train on one thread, which is faster for them, and so do all that train
    outside the main thread, as in a parallel grid search. On the CPU a fitted network computes
    on one thread, so that a row alone gets the same bits as in a batch. Torch's own setting
    is put back.

    References
    ----------
    B. Escofier, 1979. Traitement simultane de variables quantitatives et qualitatives en analyse
    factorielle. Les Cahiers de l'Analyse des Donnees 4.

    P. Baldi and K. Hornik, 1989. Neural networks and principal component analysis: learning
    from examples without local minima. Neural Networks 2.

    G. E. Hinton and R. R. Salakhutdinov, 2006. Reducing the dimensionality of data with
    neural networks. Science 313.

    P. Micikevicius et al., 2018. Mixed precision training. International
    Conference on Learning Representations.

    B. T. Polyak and A. B. Juditsky, 1992. Acceleration of stochastic approximation by averaging.
    SIAM Journal on Control and Optimization 30.

    L. N. Smith and N. Topin, 2019. Super-convergence: very fast training of neural networks
    using large learning rates. Proc. SPIE 11006.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skae import AutoencoderTransformer
    >>> X = load_digits().data[:500]
    >>> params = {"hidden_layer_sizes": (128, 64), "max_iter": 40, "random_state": 0}
    >>> ae = AutoencoderTransformer(n_components=8, **params).fit(X)
    >>> ae.transform(X).shape
    (500, 8)
    >>> pca = PCA(n_components=8).fit(X)
    >>> pca_error = ((X - pca.inverse_transform(pca.transform(X))) ** 2).mean()
    >>> bool(-ae.score(X) < 0.5 * pca_error)
    True
    """

    learning_rate_init: Positive = 4.5e-3
    learning_rate: ScheduleName = "averaged"
    max_iter: PositiveInt = 36
