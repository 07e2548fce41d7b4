"""Suggestions for names of parameters' values, as users of other libraries call them."""

import difflib
import re
from collections.abc import Iterable
from numbers import Number
from typing import Any

# Our names, and words of Keras, torch and scikit-learn for them, in small letters and digits only.
# A word that stands for several names suggests the first one that the parameter may have.
_WORDS_FOR = {
    # Losses.
    "squared_error": "mse rmse meansquarederror l2 gaussian",
    "absolute_error": "mae meanabsoluteerror l1",
    "huber": "smoothl1",
    "log_loss": "bce bcewithlogits binarycrossentropy binarycrossentropywithlogits crossentropy "
    "logistic bernoulli",
    "poisson": "poissonnll",
    "negative_binomial": "nb nbinom negativebinomial zinb",
    "multinomial": "categorical categoricalcrossentropy softmax multinomialnll",
    # Activations.
    "logistic": "sigmoid",
    "silu": "swish",
    "identity": "linear none",
    # Optimizers.
    "sgd": "momentum nesterov",
    "adam": "nadam",
    # Schedules.
    "plateau": "adaptive reducelronplateau",
    "cosine": "cosineannealing cosinedecay",
    # Precision.
    "bfloat16": "bf16 mixedbfloat16 bf16mixed float16 fp16 half amp mixed",
    "float32": "fp32 float single float64 double",
    # Noise, penalties, scores, starts and networks.
    "masking": "dropout mask zero",
    "gaussian": "normal gauss",
    "normal": "gaussian gauss",
    "salt_and_pepper": "saltpepper",
    "kl": "kldivergence kldiv",
    "top_k": "ksparse",
    "mixture": "gmm mixtureofgaussians",
    "likelihood": "loglikelihood elbo",
    "reconstruction": "reconstructionerror mse",
    "random": "xavier glorot kaiming",
    "pca": "svd",
    "convolutional": "conv1d cnn",
    "gru": "lstm rnn recurrent",
}

# Parts of other libraries' names that say nothing: MSELoss, mse_loss, BatchNorm1d, AdamOptimizer.
_ENDINGS = re.compile(r"(loss|optimizer|lr|norm(alization)?([123]d)?)$")


def did_you_mean(value: object, names: Iterable[str]) -> str:
    """Return a sentence that suggests one of `names`, with a space before it, or "".

    `value` is a word, or what other libraries take in its place: a class as ``nn.ReLU`` or an
    object as ``nn.MSELoss()``.
    """
    names = list(names)
    own = {_plain(name): name for name in names}
    foreign: dict[str, str] = {}
    for name, words in _WORDS_FOR.items():
        for word in words.split() if name in names else ():
            foreign.setdefault(word, name)
    meant = foreign | own
    given = _plain(_word(value))
    forms = [given, _ENDINGS.sub("", given)]
    near = [n for form in forms for n in difflib.get_close_matches(form, meant)]
    found = [meant[form] for form in [*forms, *near] if form in meant]
    return f" Did you mean {found[0]!r}?" if found else ""


def check_name(
    parameter: str, value: Any, names: Iterable[str], also: tuple[object, ...] = ()
) -> None:
    """Raise a ValueError if the value of `parameter` is neither one of `names` nor in `also`."""
    if value in also or (isinstance(value, str) and value in names):
        return
    valid = [*sorted(names), *also]
    expected = f"one of {valid}" if len(valid) > 2 else " or ".join(map(repr, valid))
    raise ValueError(f"{parameter} must be {expected}, got {value!r}.{did_you_mean(value, names)}")


def _word(value: object) -> str:
    """Return the word that a value is, or the name of its class; "" for a number."""
    if value is None or isinstance(value, str):
        return str(value)
    if isinstance(value, Number):
        return ""
    return getattr(value, "__name__", type(value).__name__)


def _plain(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower())
