"""Errors about parameters say what was probably meant."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import skae
from skae import (
    AdversarialAutoencoder,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)
from skae._compat import InvalidParameterError, StrOptions
from skae.networks import ConvolutionalNetwork, DenseNetwork, SequenceNetwork

X = np.random.default_rng(0).uniform(size=(30, 4))

# What users of Keras and torch write, and what it is called here.
MEANT = [
    *[("loss", word, "squared_error") for word in ("mse", "MSE", "MSELoss", nn.MSELoss())],
    *[("loss", word, "squared_error") for word in ("mean_squared_error", F.mse_loss, "squared")],
    *[("loss", word, "absolute_error") for word in ("mae", "L1Loss", "l1", "MeanAbsoluteError")],
    *[("loss", word, "log_loss") for word in ("bce", "binary_crossentropy", "BCEWithLogitsLoss")],
    *[("loss", word, "huber") for word in ("smooth_l1", "SmoothL1Loss", "Huber", "hubber")],
    ("loss", "poisson_nll", "poisson"),
    *[("loss", word, "negative_binomial") for word in ("nb", "nbinom", "NegativeBinomialLoss")],
    ("loss", "categorical_crossentropy", "multinomial"),
    *[("activation", word, "logistic") for word in ("sigmoid", "Sigmoid", torch.sigmoid)],
    *[("activation", word, "silu") for word in ("swish", "SiLU")],
    *[("activation", word, "identity") for word in ("linear", None)],
    *[("activation", word, "leaky_relu") for word in ("LeakyReLU", nn.LeakyReLU, "leakyrelu")],
    *[("activation", word, "relu") for word in ("ReLU", nn.ReLU, "rellu")],
    *[("optimizer", word, word.lower()) for word in ("Adam", "AdamW", "RMSprop", "SGD")],
    ("init", "PCA", "pca"),
    *[("normalization", word, "batch") for word in ("BatchNorm", "BatchNorm1d", "Batch")],
    ("normalization", "LayerNormalization", "layer"),
    *[("learning_rate", word, "one_cycle") for word in ("OneCycleLR", "onecycle")],
    ("learning_rate", "ReduceLROnPlateau", "plateau"),
    ("learning_rate", "CosineAnnealingLR", "cosine"),
    *[("precision", word, "bfloat16") for word in ("bf16", "float16", "bf16-mixed")],
    ("n_components", "Auto", "auto"),
]


def name_of(value):
    """A name of a case that is the same in every process."""
    return getattr(value, "__name__", str(value))


@pytest.mark.parametrize(("name", "word", "meant"), MEANT, ids=name_of)
def test_words_of_other_libraries(name, word, meant):
    ae = AutoencoderTransformer(**{"n_components": 2, name: word})
    start = f"The '{name}' parameter of AutoencoderTransformer must be .*Got "
    with pytest.raises(InvalidParameterError, match=rf"{start}(.|\n)*Did you mean '{meant}'\?"):
        ae.fit(X)
    with pytest.raises(InvalidParameterError, match=rf"Did you mean '{meant}'\?"):
        ae.partial_fit(X)
    assert not hasattr(ae, "net_")


@pytest.mark.parametrize(
    ("estimator", "meant"),
    [
        (DenoisingAutoencoder(noise="gauss"), "gaussian"),
        (DenoisingAutoencoder(noise="Dropout"), "masking"),
        (SparseAutoencoder(penalty="topk"), "top_k"),
        (SparseAutoencoder(penalty="KLDivLoss"), "kl"),
        (SparseAutoencoder(n_nonzero_coefs="AUTO"), "auto"),
        (AdversarialAutoencoder(prior="gaussian"), "normal"),
        (VariationalAutoencoder(noise_variance="learn"), "learned"),
        (ConvolutionalAutoencoder(activation="Sigmoid"), "logistic"),
        (AutoencoderOutlierDetector(scoring="mse"), "reconstruction"),
        (AutoencoderOutlierDetector(contamination="Auto"), "auto"),
        (AutoencoderOutlierDetector(AutoencoderTransformer(loss="mae")), "absolute_error"),
    ],
    ids=str,
)
def test_every_estimator_suggests(estimator, meant):
    with pytest.raises(InvalidParameterError, match=rf"Did you mean '{meant}'\?"):
        estimator.fit(X)


@pytest.mark.parametrize(
    ("network", "match"),
    [
        (DenseNetwork(activation="sigmoid"), r"activation must be one of .*mean 'logistic'\?"),
        (DenseNetwork(normalization="Batch"), r"normalization must be .*'Batch'.*mean 'batch'\?"),
        (DenseNetwork(64), "hidden_layer_sizes must be a tuple .*got 64"),
        (DenseNetwork((4, -1)), r"hidden_layer_sizes must be .*got \(4, -1\)"),
        (DenseNetwork(dropout="0.1"), r"dropout must be in \[0, 1\), got '0.1'"),
        (ConvolutionalNetwork(activation="Swish"), r"activation must be .*mean 'silu'\?"),
        (SequenceNetwork(kind="LSTM"), r"kind must be .*mean 'gru'\?"),
    ],
    ids=str,
)
def test_networks_suggest(network, match):
    with pytest.raises(ValueError, match=match):
        AutoencoderTransformer(2, network=network).fit(X)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        *[(word, "cuda") for word in ("gpu", "GPU", "cuda:gpu", "CUDA", "nvidia", "cdua")],
        *[(word, "cuda:1") for word in ("gpu:1", "/device:GPU:1", "cuda1")],
        *[(word, "cpu") for word in ("CPU", "cpuu")],
        ("Auto", "auto"),
        ("metal", "mps"),
    ],
)
def test_devices(word, meant):
    match = rf"device='{word}' is no torch device.*Did you mean '{meant}'\?"
    with pytest.raises(ValueError, match=match):
        AutoencoderTransformer(2, device=word).fit(X)
    with pytest.raises(ValueError, match=match):
        AutoencoderOutlierDetector(device=word).fit(X)


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"learning_rate": 1e-3}, "It is a schedule; the rate itself is learning_rate_init"),
        ({"optimizer": torch.optim.Adam([torch.zeros(1)])}, "Give the class, torch.optim.Adam"),
        ({"network": nn.Linear(4, 2)}, "Give a description of a network"),
        ({"network": "convolutional"}, "Give a description of a network"),
    ],
    ids=["rate", "optimizer", "module", "word"],
)
def test_things_of_another_kind(params, match):
    with pytest.raises(InvalidParameterError, match=match):
        AutoencoderTransformer(2, **params).fit(X)


def test_a_class_in_the_place_of_an_estimator():
    with pytest.raises(InvalidParameterError, match=r"Write AutoencoderTransformer\(\)"):
        AutoencoderOutlierDetector(AutoencoderTransformer).fit(X)


@pytest.mark.parametrize("params", [{"loss": "zzz"}, {"activation": 3}, {"device": "abacus"}])
def test_what_is_like_nothing_gets_no_suggestion(params):
    with pytest.raises(ValueError, match=r"must be|is no torch device") as caught:
        AutoencoderTransformer(2, **params).fit(X)
    assert "Did you mean" not in str(caught.value)


def test_every_name_of_every_parameter_is_suggested_for_itself_in_capitals():
    """Whatever parameter comes later is covered, too."""
    n_tried = 0
    for cls in (getattr(skae, name) for name in skae.__all__):
        for name, constraints in getattr(cls, "_parameter_constraints", {}).items():
            for meant in (o for c in constraints if isinstance(c, StrOptions) for o in c.options):
                model = AutoencoderTransformer() if cls is skae.DriftDetector else None
                estimator = cls(model) if model else cls()
                estimator.set_params(**{name: meant.upper()})
                with pytest.raises(InvalidParameterError, match=rf"Did you mean '{meant}'\?"):
                    estimator._validate_params()
                n_tried += 1
    assert n_tried > 100
