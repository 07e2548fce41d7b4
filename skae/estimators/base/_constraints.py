"""What each parameter of an autoencoder may be."""

from numbers import Integral, Real

import torch

from skae._compat import HasMethods, Interval, RealNotInt, StrOptions
from skae.engine import OPTIMIZERS, PRECISIONS, SCHEDULES
from skae.networks import ACTIVATIONS
from skae.objectives import LOSSES

_POSITIVE_INT = Interval(Integral, 1, None, closed="left")
_POSITIVE = Interval(Real, 0, None, closed="neither")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")

AUTOENCODER_CONSTRAINTS = {
    "n_components": [
        StrOptions({"auto"}),
        _POSITIVE_INT,
        Interval(RealNotInt, 0, 1, closed="neither"),
    ],
    "hidden_layer_sizes": ["array-like", _POSITIVE_INT],
    "activation": [StrOptions(set(ACTIVATIONS))],
    "init": [StrOptions({"pca", "random"})],
    "loss": [StrOptions(set(LOSSES))],
    "alpha": [_NOT_NEGATIVE],
    "l1_ratio": [Interval(Real, 0, 1, closed="both")],
    "dropout": [Interval(Real, 0, 1, closed="left")],
    "normalization": [StrOptions({"batch", "layer"}), None],
    "network": [HasMethods(["for_rows", "build_encoder", "build_decoder"]), None],
    "optimizer": [StrOptions(set(OPTIMIZERS)), callable],
    "learning_rate_init": [_POSITIVE],
    "learning_rate": [StrOptions(set(SCHEDULES))],
    "max_grad_norm": [_POSITIVE, None],
    "batch_size": [StrOptions({"auto"}), _POSITIVE_INT],
    "max_iter": [_POSITIVE_INT],
    "early_stopping": ["boolean", StrOptions({"auto"})],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [_POSITIVE_INT],
    "tol": [_NOT_NEGATIVE],
    "warm_start": ["boolean"],
    "random_state": ["random_state"],
    "device": [str, torch.device],
    "precision": [StrOptions(set(PRECISIONS))],
    "callbacks": [list, None],
    "verbose": ["verbose"],
}

# Of autoencoders whose codes have no scale of their own.
STANDARDIZING_CONSTRAINTS = AUTOENCODER_CONSTRAINTS | {"standardize": ["boolean"]}
