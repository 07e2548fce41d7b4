"""The parameters that autoencoders share: types, defaults, checks and descriptions."""

from collections.abc import Callable, Sequence
from dataclasses import field
from numbers import Integral, Real
from typing import Annotated, Any, Literal

import numpy as np
import torch
from torch import optim

from skae._compat import HasMethods, Interval, RealNotInt, StrOptions
from skae.engine import OptimizerName, PrecisionName, ScheduleName
from skae.networks import ActivationName
from skae.objectives import LossName

from ._declared_parameters import DeclaredParameters
from ._held_out_rows import Splitter

POSITIVE_INT = Interval(Integral, 1, None, closed="left")

PositiveInt = Annotated[int, POSITIVE_INT]
Positive = Annotated[float, Interval(Real, 0, None, closed="neither")]
NonNegative = Annotated[float, Interval(Real, 0, None, closed="left")]
LayerSizes = Annotated[Sequence[int] | int, "array-like", POSITIVE_INT]
RandomState = Annotated[int | np.random.RandomState | None, "random_state"]

# Of columns that hold categories, as in scikit-learn's HistGradientBoosting and OrdinalEncoder.
CategoricalFeatures = Annotated[Sequence[Any], "array-like"] | Literal["from_dtype"] | None
MinFrequency = Annotated[float, POSITIVE_INT, Interval(RealNotInt, 0, 1, closed="neither")] | None
MaxCategories = Annotated[int, Interval(Integral, 2, None, closed="left")] | None


class AutoencoderParameters(DeclaredParameters):
    """Parameters of every autoencoder.

    Parameters
    ----------
    n_components : int, float or "auto", default="auto"
        Width of the code. An int is taken as it is, and may exceed the number of features.
        A float in (0, 1) means the number of components that PCA needs to explain this
        share of the variance. "auto" is the square root of the number of features, rounded
        up: small enough to be a bottleneck for any table, large enough for most classifiers. It
        is at most the number of rows minus one, beyond which PCA finds nothing. Rows of weight
        zero do not count; `partial_fit` counts the rows of its first call.
    hidden_layer_sizes : tuple of int or int, default=(256, 128)
        Widths of the encoder's hidden layers, from the input to the code; the decoder
        mirrors them. ``()`` makes a linear autoencoder. A quarter of the default widths left
        0.88 of PCA's error on small tables, the default 0.83.
    activation : {"relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "logistic", \
            "identity"}, default="silu"
        Activation of the hidden layers. Smooth rectifiers reconstruct held-out rows best: on
        the digits, over three code sizes, SiLU left 0.48 of PCA's error, GELU 0.49,
        ELU 0.50, ReLU 0.51, tanh 0.58.
    init : {"pca", "random"}, default="pca"
        Where training starts. "pca" gives encoder and decoder a linear path beside the deep
        one and starts at PCA's solution; the deep path then learns what PCA cannot do. If the
        objective over the training rows ends above its start, `fit` goes back there. Without
        penalties (`alpha`) training rows are therefore never reconstructed worse than by PCA, up
        to the rounding of float32. "random" is the plain network.
        Losses with a link (log_loss, poisson) start at a first-order expansion of PCA through the
        link; negative_binomial and multinomial at a PCA of the logarithms that the encoder sees,
        and a multinomial regression of the counts on its components. These starts are shrunk until
        their error is at most that of the column means, where a random start of a dense network
        begins. If a fit ends above the error of the means but started below it, it goes back to
        the start. It warns of an end above the means.
    loss : {"squared_error", "absolute_error", "huber", "log_loss", "poisson", \
            "negative_binomial", "multinomial"}, default="squared_error"
        The reconstruction loss. "huber" is half the squared error up to a residual of
        one root-mean-variance of the data, and grows linearly beyond. "log_loss" takes data
        in [0, 1] and predicts shares, "poisson" takes data of zero or more and predicts
        expected counts; these two do not centre the data.
        "negative_binomial" and "multinomial" are for counts whose total, the depth, differs from
        row to row: genes in cells, words in texts, articles in baskets. They are minus the
        log-likelihood, in nats, of the counts of a row given its depth, divided by the number of
        columns. The decoder predicts the shares of the columns, and the depth times these are the
        expected counts (Lopez et al., 2018; Liang et al., 2018). "negative_binomial" has a
        `dispersion_` for each column, which the fit estimates. The encoder sees the logarithms of
        one plus the counts, scaled to one depth and centred (Eraslan et al., 2019), so that the
        code hardly depends on the depth. `reconstruct` gives expected counts at a row's own depth,
        `inverse_transform` and `sample` at the mean depth of the training rows. A row without
        counts has the code of the mean row, and a loss of zero. Values that are not whole are
        taken, and the loss is then no probability. At least two columns are needed.
    alpha : float, default=0.0
        Strength of the penalty on the weights,
        ``alpha * (l1_ratio * sum|w| + (1 - l1_ratio) / 2 * sum w**2)``, added to the loss
        of the scaled data. Zero by default: early stopping regularises.
    l1_ratio : float, default=0.0
        Share of the L1 part, in [0, 1]. It makes weights exactly zero, through a proximal
        step in the metric of the optimizer.
    normalization : {"batch", "layer"} or None, default=None
        Normalisation of the hidden layers. Two hidden layers do not need it, as the inputs have
        unit variance already.
    optimizer : {"adam", "adamw", "sgd", "rmsprop"} or callable, default="adam"
        "adam" needs the least tuning. "sgd" has a Nesterov momentum of 0.9, "adamw" torch's
        weight decay of 0.01. A class of torch.optim, or any callable that takes parameters
        and `lr`, works too.
    learning_rate_init : float, default=2e-3
        Learning rate, or the highest one of a schedule. Half of it needs twice the epochs
        for the same error, twice of it overfits small tables.
    learning_rate : {"averaged", "constant", "one_cycle", "cosine", "plateau"}, \
            default="one_cycle"
        Schedule of the learning rate over the planned steps. "one_cycle" rises and falls
        (Smith and Topin, 2019): its first steps are too small to spoil the start, and it
        reconstructed digits better than a constant rate (0.48 against 0.49 of PCA's error).
        "cosine" falls from the start. "plateau" divides by five when the monitored loss
        stagnates for a third of `n_iter_no_change` epochs. "averaged" is for higher rates and
        fewer epochs; see :class:`AutoencoderTransformer`.
    max_grad_norm : float or None, default=None
        Norm to which the gradient of all parameters together is clipped. None clips
        nothing: the rows are scaled, and a loss that diverges ends the fit with an error.
    batch_size : int or "auto", default="auto"
        Rows in a batch. "auto" is a 64th of the rows, rounded to a power of two between 32 and
        256: about 60 steps in an epoch for most tables. Up to 48 rows are one batch. On tables
        of 60 to 200 rows batches of 32 left as much or less of the variance of held-out rows than
        whole tables did: 0.20 against 0.24 on 200 rows of diabetes, 0.50 against 0.80 with
        convolutions on 200 digits. Convolutions and recurrent layers gain from smaller batches:
        trained on 60 windows, they left 0.28 of the variance of held-out windows with batches of
        32, and 0.11 with batches of 9.
    max_iter : int, default=50
        Most epochs, and the length of the schedule. Twice as many change the error on the digits
        by a few percent up or down, depending on the width of the code, and raise it on small
        tables.
    early_stopping : bool or "auto", default="auto"
        Whether to hold out `validation_fraction` of the rows, stop when their loss no longer
        improves, and keep the weights that were best on them. "auto" does so if that makes at
        least 50 rows, as the loss of fewer is mostly chance and a small table needs every row,
        or if one of the `callbacks` needs held-out rows. Without early stopping all rows train
        the network and the last weights are kept.
    validation_fraction : float, splitter or list, default=0.1
        Share of the rows that are held out, in (0, 1); scikit-learn's default. With `groups` in
        `fit` it is the share of the groups, and no group is in both parts. Rows that are alike,
        such as windows of a signal that overlap, need this, or other rows chosen with care: a
        cross-validation splitter of scikit-learn, whose first split holds rows out (of
        ``KFold(10)`` the first tenth in the order of time), or a list of one pair of indices of
        rows, ``[(train, validation)]``. Rows in neither part are left out of training. These decide
        for ``early_stopping="auto"``, too. `partial_fit`, and estimators that draw rows for
        autoencoders, raise an error for them. Model files leave them out, and warn.
    n_iter_no_change : int, default=10
        Epochs without improvement after which training stops: a fifth of the default
        schedule, longer than the plateaus at its highest rate. Epochs in which the rate of
        "one_cycle" still rises do not count.
    tol : float, default=1e-4
        Share of the best loss by which an epoch must improve to count; skorch's default.
    warm_start : bool, default=False
        Whether `fit` continues from the weights of the last fit. On the same data it keeps the
        scaling and the validation rows of the first fit.
    random_state : int, RandomState instance or None, default=None
        Determines initial weights, validation rows, order of the rows, dropout and noise. An int
        gives the same bits on every call on one machine's CPU. None draws a seed from NumPy's
        global generator; otherwise the global generators are neither read nor changed.
    device : str or torch.device, default="cpu"
        Any torch device, or "auto": the GPU if there is one. A fitted estimator that is
        unpickled where its device is absent continues on the CPU.
    precision : {"float32", "bfloat16", "tf32"}, default="float32"
        Precision of the matrix products of training. "bfloat16" keeps 8 bits of operands,
        activations and gradients, which GPUs and some processors do several times faster;
        weights, loss and optimizer stay in float32 (Micikevicius et al., 2018). "tf32" keeps
        11 bits of operands, on CUDA devices only, and changes nothing elsewhere; torch holds
        this setting for the whole process, and it is put back. Both speed up wide networks only:
        small ones spend their time elsewhere. A fitted network computes in full precision.
    callbacks : list or None, default=None
        Callbacks of skorch, or pairs of a name and a callback, passed to the net unchanged.
        ``set_params(callbacks__name__parameter=value)`` sets a parameter of one; a callback without
        a name has that of its class. One that needs held-out rows (``monitor="valid_loss"``,
        ``on_train=False``) makes ``early_stopping="auto"`` hold rows out. Callbacks get torch
        datasets: an item is a pair of a row and its target, which is the row itself, centred and
        scaled as the network sees it. ``np.asarray(dataset)`` is all rows, and
        ``net.predict(dataset)`` their reconstructions. A callback for single batches or gradients
        slows training down.
    verbose : int, default=0
        1 shows a progress bar with the losses and the time left, on a terminal or in a notebook
        with ipywidgets. Logs have none.
    """

    n_components: Annotated[
        int | float | str,
        StrOptions({"auto"}),
        POSITIVE_INT,
        Interval(RealNotInt, 0, 1, closed="neither"),
    ] = field(default="auto", kw_only=False)
    hidden_layer_sizes: LayerSizes = (256, 128)
    activation: ActivationName = "silu"
    init: Literal["pca", "random"] = "pca"
    loss: LossName = "squared_error"
    alpha: NonNegative = 0.0
    l1_ratio: Annotated[float, Interval(Real, 0, 1, closed="both")] = 0.0
    normalization: Literal["batch", "layer"] | None = None
    optimizer: OptimizerName | Callable[..., optim.Optimizer] = "adam"
    learning_rate_init: Positive = 2e-3
    learning_rate: ScheduleName = "one_cycle"
    max_grad_norm: Positive | None = None
    batch_size: Annotated[int | str, StrOptions({"auto"}), POSITIVE_INT] = "auto"
    max_iter: PositiveInt = 50
    early_stopping: bool | Literal["auto"] = "auto"
    validation_fraction: Annotated[
        float | Splitter | list,
        Interval(Real, 0, 1, closed="neither"),
        HasMethods(["split", "get_n_splits"]),
        list,
    ] = 0.1
    n_iter_no_change: PositiveInt = 10
    tol: NonNegative = 1e-4
    warm_start: bool = False
    random_state: RandomState = None
    device: str | torch.device = "cpu"
    precision: PrecisionName = "float32"
    callbacks: list | None = None
    verbose: Annotated[int | bool, "verbose"] = 0
