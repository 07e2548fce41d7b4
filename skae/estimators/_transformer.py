"""The plain autoencoder."""

from .base import BaseAutoencoder, NetworkParameters, StandardizedCodes, estimator


@estimator
class AutoencoderTransformer(StandardizedCodes, NetworkParameters, BaseAutoencoder):
    """Autoencoder: nonlinear dimensionality reduction that also goes back.

    An encoder maps each row to a short code, a decoder maps the code back to the row, and
    both are trained together to lose as little as possible on the way (Hinton and
    Salakhutdinov, 2006). With no hidden layers this is PCA (Baldi and Hornik, 1989); with
    them it keeps more in the same number of components.

    The data are centred and divided by one scalar inside, so features keep their relative
    weight, as in PCA. Put a :class:`~sklearn.preprocessing.StandardScaler` before it if the
    features have different units. Codes leave with zero mean over the training rows, and with
    unit variance if `standardize`.

    See Also
    --------
    sklearn.decomposition.PCA : The best linear encoder and decoder.
    sklearn.decomposition.KernelPCA : Nonlinear components without training.
    sklearn.neural_network.MLPRegressor : ``fit(X, X)`` trains an autoencoder by hand.

    Notes
    -----
    Training runs in float32, except where an epoch is a single batch of float64 rows on the
    CPU: double precision costs next to nothing there. Integer weights then equal repeated rows,
    if no rows are held out and nothing is drawn at random (dropout, noise): that is so for up to
    48 rows, the repeated ones counted, and for any table with a `batch_size` of at least that
    many. In smaller batches weights count in the loss as repeated rows do, but
    the batches are others.

    Output always has the dtype of the input. Rows are read where they lie if they are many and
    of float32, in memory or in a mapped file; others are copied once.

    Torch tensors are taken by every method. They leave as NumPy arrays, or, with
    ``sklearn.set_config(array_api_dispatch=True)`` (which asks for ``SCIPY_ARRAY_API=1`` in
    the environment), as tensors on the device that they came from. With ``device="cuda"`` the
    rows of CUDA tensors never leave the GPU. A model fitted on arrays takes tensors, and the
    reverse.

    Small networks train on one thread, which is faster for them, and so do all that train
    outside the main thread, as in a parallel grid search. On the CPU a fitted network answers
    on one thread, which gives a row alone the bits that it has in a batch. Torch's own setting
    is put back.

    References
    ----------
    P. Baldi and K. Hornik, 1989. Neural networks and principal component analysis: learning
    from examples without local minima. Neural Networks 2.

    G. E. Hinton and R. R. Salakhutdinov, 2006. Reducing the dimensionality of data with
    neural networks. Science 313.

    P. Micikevicius et al., 2018. Mixed precision training. International
    Conference on Learning Representations.

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
