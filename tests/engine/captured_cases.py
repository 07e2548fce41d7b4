"""Estimators that cover what a step may hold: variants, networks, losses and options."""

from functools import partial

import numpy as np
from sklearn.datasets import load_digits

from skae import (
    AdversarialAutoencoder,
    AutoencoderClassifier,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    NestedAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
    WassersteinAutoencoder,
)
from skae.networks import SequenceNetwork

# Five batches an epoch: three of 41 rows, two of 40.
DIGITS = load_digits().data[:203].astype(np.float32) / 16
COUNTS = np.round(16 * DIGITS)
CLASSES = load_digits().target[:203]
WEIGHT = np.arange(203) % 3 + 1.0
GAPS = np.where(np.random.default_rng(0).random(DIGITS.shape) < 0.1, np.nan, DIGITS)
PARAMS = {"hidden_layer_sizes": (8,), "batch_size": 48, "max_iter": 4, "random_state": 0}

dense = partial(AutoencoderTransformer, 4, **PARAMS)
GRU = SequenceNetwork(hidden_size=4, kind="gru")
SHAPED = {name: value for name, value in PARAMS.items() if name != "hidden_layer_sizes"}
CASES = {
    "plain": dense(),
    "layer": dense(normalization="layer"),
    "batch": dense(normalization="batch", dropout=0.2),
    "one_cycle": dense(normalization="layer", learning_rate="one_cycle"),
    "cosine": dense(learning_rate="cosine"),
    "plateau": dense(normalization="layer", learning_rate="plateau", early_stopping=True),
    "clipped": dense(normalization="layer", max_grad_norm=0.1),
    "penalised": dense(normalization="layer", alpha=1e-3, l1_ratio=0.5),
    "penalised_plain": dense(alpha=1e-3, l1_ratio=0.5, max_grad_norm=0.1),
    "adamw": dense(normalization="layer", optimizer="adamw"),
    "sgd": dense(normalization="layer", optimizer="sgd", alpha=1e-3, l1_ratio=1.0),
    "bfloat16": dense(normalization="layer", precision="bfloat16"),
    "bfloat16_plain": dense(precision="bfloat16"),
    "denoising": DenoisingAutoencoder(4, **PARAMS),
    "gaussian": DenoisingAutoencoder(4, noise="gaussian", normalization="layer", **PARAMS),
    "salt": DenoisingAutoencoder(4, noise="salt_and_pepper", **PARAMS),
    "swap": DenoisingAutoencoder(4, noise="swap", normalization="layer", **PARAMS),
    "variational": VariationalAutoencoder(4, **PARAMS),
    "variational_layer": VariationalAutoencoder(
        4, normalization="layer", kl_warm_up=0.5, free_bits=0.01, **PARAMS
    ),
    "bernoulli": VariationalAutoencoder(4, loss="log_loss", kl_warm_up=0.5, **PARAMS),
    "top_k": SparseAutoencoder(12, **PARAMS),
    "top_k_layer": SparseAutoencoder(12, normalization="layer", **PARAMS),
    "l1": SparseAutoencoder(12, penalty="l1", normalization="layer", **PARAMS),
    "kl": SparseAutoencoder(12, penalty="kl", **PARAMS),
    "contractive": ContractiveAutoencoder(4, **PARAMS),
    "contractive_deep": ContractiveAutoencoder(
        4, **PARAMS | {"hidden_layer_sizes": (8, 6), "normalization": "layer"}
    ),
    "nested": NestedAutoencoder(4, **PARAMS),
    "adversarial": AdversarialAutoencoder(4, **PARAMS),
    "adversarial_mixture": AdversarialAutoencoder(4, prior="mixture", alpha=1e-3, **PARAMS),
    "wasserstein": WassersteinAutoencoder(4, **PARAMS),
    "convolutional": ConvolutionalAutoencoder(4, channels=(4,), **SHAPED),
    **{loss: dense(loss=loss, normalization="layer") for loss in ("absolute_error", "huber")},
}
# What goes in beside or instead of the digits.
OTHERS = {
    "gru": (AutoencoderTransformer(4, network=GRU, **SHAPED), {"X": DIGITS[:, :8]}),
    "gaps": (dense(), {"X": GAPS}),
    "gaps_layer": (dense(normalization="layer"), {"X": GAPS}),
    "gaps_masked": (DenoisingAutoencoder(4, **PARAMS), {"X": GAPS}),
    "target": (DenoisingAutoencoder(4, **PARAMS), {"X": DIGITS, "y": DIGITS[:, ::-1].copy()}),
    "classes": (VariationalAutoencoder(4, conditional=True, **PARAMS), {"y": CLASSES}),
    "adversarial_classes": (AdversarialAutoencoder(4, conditional=True, **PARAMS), {"y": CLASSES}),
    "supervised": (
        AutoencoderClassifier(dense(normalization="layer"), max_iter=4, random_state=0),
        {"y": CLASSES},
    ),
    "supervised_variational": (
        AutoencoderClassifier(VariationalAutoencoder(4, **PARAMS), max_iter=4, random_state=0),
        {"y": np.where(np.arange(203) < 80, CLASSES, -1)},
    ),
    "weights": (dense(), {"sample_weight": WEIGHT}),
    "weights_layer": (dense(normalization="layer"), {"sample_weight": WEIGHT}),
    "weights_top_k": (SparseAutoencoder(12, **PARAMS), {"sample_weight": WEIGHT}),
    "weights_kl": (SparseAutoencoder(12, penalty="kl", **PARAMS), {"sample_weight": WEIGHT}),
    "weights_contractive": (ContractiveAutoencoder(4, **PARAMS), {"sample_weight": WEIGHT}),
    "weights_adversarial": (AdversarialAutoencoder(4, **PARAMS), {"sample_weight": WEIGHT}),
    **{
        f"{loss}_{normalization}": (dense(loss=loss, normalization=normalization), {"X": COUNTS})
        for loss in ("poisson", "negative_binomial", "multinomial")
        for normalization in (None, "layer")
    },
}
ALL = {name: (ae, {}) for name, ae in CASES.items()} | OTHERS
