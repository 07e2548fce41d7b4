"""The plain autoencoder."""

from .base._base_autoencoder import BaseAutoencoder
from .base._constraints import STANDARDIZING_CONSTRAINTS


class AutoencoderTransformer(BaseAutoencoder):
    """Autoencoder: nonlinear dimensionality reduction that also goes back.

    An encoder maps each row to a short code, a decoder maps the code back to the row, and
    both are trained together to lose as little as possible on the way (Hinton and
    Salakhutdinov, 2006). With no hidden layers this is PCA (Baldi and Hornik, 1989); with
    them it keeps more in the same number of components.

    The data are centred and divided by one scalar inside, so features keep their relative
    weight, as in PCA. Put a :class:`~sklearn.preprocessing.StandardScaler` before it if the
    features have different units. Codes leave with zero mean over the training rows, and with
    unit variance if `standardize`.

    Parameters
    ----------
    n_components : int, float or "auto", default="auto"
        Width of the code. An int is taken as it is, and may exceed the number of features.
        A float in (0, 1) means the number of components that PCA needs to explain this
        share of the variance. "auto" is the square root of the number of features, rounded
        up: small enough to be a bottleneck for any table, large enough for most classifiers. It
        is at most the number of rows minus one, beyond which PCA finds nothing; rows of weight
        zero do not count, and for `partial_fit` those of the first call do.
    hidden_layer_sizes : tuple of int or int, default=(256, 128)
        Widths of the encoder's hidden layers, from the input to the code; the decoder
        mirrors them. ``()`` makes a linear autoencoder. A quarter of the default width
        leaves more of PCA's error on small tables (0.88 against 0.83).
    activation : {"relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "logistic", \
            "identity"}, default="silu"
        Activation of the hidden layers. Smooth rectifiers reconstruct held-out rows best: on
        the digits, over three code sizes, SiLU left 0.48 of PCA's error, GELU 0.49,
        ELU 0.50, ReLU 0.51, tanh 0.58.
    init : {"pca", "random"}, default="pca"
        Where training starts. "pca" gives encoder and decoder a linear path beside the deep
        one and starts at PCA's solution, from which the deep path learns what PCA cannot
        do. If the objective over the training rows ends above its start, `fit` goes back
        there: without penalties (`alpha`) they are never reconstructed worse than by PCA, up
        to the rounding of float32.
        "random" is the plain network. Losses with a link (log_loss, poisson) start at PCA
        seen through the link, to first order, shrunk until it is no worse than the column
        means, which a random start of a dense network begins at. A fit that ends above their
        error goes back to a start that is below it, and warns.
    loss : {"squared_error", "absolute_error", "huber", "log_loss", "poisson"}, \
            default="squared_error"
        What a reconstruction loses. "huber" is half the squared error up to a residual of
        one root-mean-variance of the data, and grows linearly beyond. "log_loss" takes data
        in [0, 1] and predicts shares, "poisson" takes data of zero or more and predicts
        expected counts; for these two the data are not centred inside.
    alpha : float, default=0.0
        Strength of the penalty on the weights,
        ``alpha * (l1_ratio * sum|w| + (1 - l1_ratio) / 2 * sum w**2)``, added to the loss
        of the scaled data. Zero by default: early stopping regularises.
    l1_ratio : float, default=0.0
        Share of the L1 part, in [0, 1]. It makes weights exactly zero, through a proximal
        step in the metric of the optimizer.
    dropout : float, default=0.0
        Probability with which a hidden unit is dropped in training, in [0, 1). Zero by
        default, as held-out rows already limit overfitting.
    normalization : {"batch", "layer"} or None, default=None
        Normalisation of the hidden layers. The inputs have unit variance already, so two
        hidden layers do without.
    network : Network or None, default=None
        Description of another network. None is the dense one that `hidden_layer_sizes`,
        `activation`, `dropout` and `normalization` describe; otherwise these four are
        ignored, with a warning if they are not the defaults. Its fields are reached as
        ``network__<field>``. With a :class:`~skae.networks.ConvolutionalNetwork` for images or a
        :class:`~skae.networks.SequenceNetwork` for windows of signals, `X` may also be an array
        of three or four dimensions, and rows are returned in the shape that they came in.
    standardize : bool, default=True
        Whether codes leave with unit variance, which classifiers like. False leaves each in its
        own scale, in the unit of the data: its standard deviation is the change of the
        reconstruction (root of the sum of squares over the features) without it, as for the
        components of PCA. Autoencoders that are stacked need this: the next one sees which
        codes count.
    optimizer : {"adam", "adamw", "sgd", "rmsprop"} or callable, default="adam"
        "adam" needs the least tuning. "sgd" has a Nesterov momentum of 0.9, "adamw" torch's
        weight decay of 0.01. A class of torch.optim, or any callable that takes parameters
        and `lr`, works too.
    learning_rate_init : float, default=2e-3
        Learning rate, or the highest one of a schedule. Half of it needs twice the epochs
        for the same error, twice of it learns small tables by heart.
    learning_rate : {"constant", "one_cycle", "cosine", "plateau"}, default="one_cycle"
        Schedule of the learning rate over the planned steps. "one_cycle" rises and falls
        (Smith and Topin, 2019): it does not tear the start apart with its first steps, and
        reconstructed digits better than a constant rate (0.48 against 0.49 of PCA's error).
        "cosine" falls from the start. "plateau" divides by five when the monitored loss
        stagnates for a third of `n_iter_no_change` epochs.
    max_grad_norm : float or None, default=None
        Norm to which the gradient of all parameters together is clipped. None clips
        nothing: the rows are scaled, and a loss that diverges ends the fit with an error.
    batch_size : int or "auto", default="auto"
        Rows in a batch. "auto" is a 64th of the rows, rounded to a power of two between 32 and
        256: about 60 steps in an epoch for most tables. Up to 48 rows are one batch. On tables
        of 60 to 200 rows batches of 32 reconstructed held-out rows as well as or better than
        whole tables did: 0.20 against 0.24 of the variance on 200 rows of diabetes, 0.50 against
        0.80 with convolutions on 200 digits. Convolutions and recurrent layers gain from still
        smaller ones: trained on 60 windows, they left 0.28 of the variance of others in batches
        of 32, and 0.11 in batches of 9.
    max_iter : int, default=50
        Epochs at most, and the length of the schedule. Twice as many gain or lose a few percent on
        the digits, depending on the width of the code, and lose on small tables.
    early_stopping : bool or "auto", default="auto"
        Whether to hold out `validation_fraction` of the rows, stop when their loss no longer
        improves, and keep the weights that were best on them. "auto" does so if that
        makes at least 50 rows; fewer say more about chance than about the model, and the
        small table needs every row. It also does so if one of the `callbacks` looks at
        held-out rows. Without it training is on all rows and the last weights are kept.
    validation_fraction : float, default=0.1
        Share of the rows that are held out, in (0, 1); scikit-learn's default.
    n_iter_no_change : int, default=10
        Epochs without improvement after which training stops: a fifth of the default
        schedule, longer than the plateaus at its highest rate. While the rate of
        "one_cycle" still rises, none are counted.
    tol : float, default=1e-4
        Share of the loss so far by which it must improve to count, skorch's default.
    warm_start : bool, default=False
        Whether `fit` continues from the weights of the last fit. Scaling and validation
        rows stay those of the first fit if the data do.
    random_state : int, RandomState instance or None, default=None
        Determines initial weights, validation rows, order of the rows, dropout and noise. An int
        gives the same bits on every call on one machine's CPU. The global generators are
        neither read nor touched, but for None, which draws a seed from NumPy's.
    device : str or torch.device, default="cpu"
        Any torch device, or "auto": the GPU if there is one. A fitted estimator that is
        unpickled where its device is absent continues on the CPU.
    precision : {"float32", "bfloat16", "tf32"}, default="float32"
        Precision of the matrix products of training. "bfloat16" keeps 8 bits of operands,
        activations and gradients, which GPUs and some processors do several times faster;
        weights, loss and optimizer stay in float32 (Micikevicius et al., 2018). "tf32" keeps
        11 bits of operands, on CUDA devices only, and changes nothing elsewhere; torch holds
        this setting for the whole process, and it is put back. Both are for wide networks:
        small ones wait for other things. What a fitted network answers is not shortened.
    callbacks : list or None, default=None
        Callbacks of skorch, or pairs of a name and one, handed to the net as they are.
        ``set_params(callbacks__name__parameter=value)`` reaches the parameters of one; without a
        name it has that of its class. One that looks at held-out rows (``monitor="valid_loss"``,
        ``on_train=False``) makes ``early_stopping="auto"`` hold rows out. The datasets that they
        are given are torch's: an item is a pair of a row and its target, which is the row itself,
        centred and scaled as the network sees it. ``np.asarray(dataset)`` is all rows, and
        ``net.predict(dataset)`` what the network makes of them. One that listens to single
        batches or gradients slows training down.
    verbose : int, default=0
        1 shows a progress bar with the losses and the time left.

    Attributes
    ----------
    n_components_ : int
        Width of the code.
    mean_ : {ndarray, tensor} of shape (n_features,)
        What is subtracted from the rows.
    scale_ : float
        What they are divided by afterwards.
    network_ : Network
        Description of the network that was trained.
    has_linear_path_ : bool
        Whether encoder and decoder have a linear path beside the deep one.
    net_ : skorch.NeuralNet
        The trained net: ``net_.module_`` is the torch module, ``net_.history`` what
        happened in each epoch, in the unit of the scaled data. Its own ``predict`` knows
        nothing of scaling; use the estimator's methods.
    n_iter_ : int
        Epochs that were run since the last cold start.
    loss_ : float
        The objective over all training rows with the weights that were kept, in the unit
        of the data.
    loss_curve_ : list of float
        Its mean over the training rows during each epoch.
    validation_loss_curve_ : list of float or None
        That of the held-out rows after each epoch; None if no rows were held out.
    best_validation_loss_ : float or None
        That of the weights that were kept, the start included. None if the last call held
        no rows out.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if `X` had names that are all strings.

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

    _parameter_constraints = STANDARDIZING_CONSTRAINTS

    def __init__(
        self,
        n_components="auto",
        *,
        hidden_layer_sizes=(256, 128),
        activation="silu",
        init="pca",
        loss="squared_error",
        alpha=0.0,
        l1_ratio=0.0,
        dropout=0.0,
        normalization=None,
        network=None,
        standardize=True,
        optimizer="adam",
        learning_rate_init=2e-3,
        learning_rate="one_cycle",
        max_grad_norm=None,
        batch_size="auto",
        max_iter=50,
        early_stopping="auto",
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-4,
        warm_start=False,
        random_state=None,
        device="cpu",
        precision="float32",
        callbacks=None,
        verbose=0,
    ):
        super().__init__(
            n_components,
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            init=init,
            loss=loss,
            alpha=alpha,
            l1_ratio=l1_ratio,
            dropout=dropout,
            normalization=normalization,
            network=network,
            optimizer=optimizer,
            learning_rate_init=learning_rate_init,
            learning_rate=learning_rate,
            max_grad_norm=max_grad_norm,
            batch_size=batch_size,
            max_iter=max_iter,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            tol=tol,
            warm_start=warm_start,
            random_state=random_state,
            device=device,
            precision=precision,
            callbacks=callbacks,
            verbose=verbose,
        )
        self.standardize = standardize
