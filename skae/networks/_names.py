"""Names of parameters' values, and what users of other libraries call them."""

import difflib
import re
from numbers import Number

# What Keras, torch and scikit-learn call it, in small letters and digits only: its names here. The
# first that the parameter may have is suggested.
_EQUIVALENTS = {
    # Losses.
    "mse": ["squared_error", "reconstruction"],
    "rmse": ["squared_error"],
    "meansquarederror": ["squared_error"],
    "l2": ["squared_error"],
    "gaussian": ["squared_error", "normal"],
    "mae": ["absolute_error"],
    "meanabsoluteerror": ["absolute_error"],
    "l1": ["absolute_error"],
    "smoothl1": ["huber"],
    "bce": ["log_loss"],
    "bcewithlogits": ["log_loss"],
    "binarycrossentropy": ["log_loss"],
    "binarycrossentropywithlogits": ["log_loss"],
    "crossentropy": ["log_loss"],
    "logistic": ["log_loss"],
    "bernoulli": ["log_loss"],
    "poissonnll": ["poisson"],
    # Activations.
    "sigmoid": ["logistic"],
    "swish": ["silu"],
    "linear": ["identity"],
    "none": ["identity"],
    # Optimizers.
    "momentum": ["sgd"],
    "nesterov": ["sgd"],
    "nadam": ["adam"],
    # Schedules.
    "adaptive": ["plateau"],
    "reducelronplateau": ["plateau"],
    "cosineannealing": ["cosine"],
    "cosinedecay": ["cosine"],
    # Precision.
    "bf16": ["bfloat16"],
    "mixedbfloat16": ["bfloat16"],
    "bf16mixed": ["bfloat16"],
    "float16": ["bfloat16"],
    "fp16": ["bfloat16"],
    "half": ["bfloat16"],
    "amp": ["bfloat16"],
    "mixed": ["bfloat16"],
    "fp32": ["float32"],
    "float": ["float32"],
    "single": ["float32"],
    "float64": ["float32"],
    "double": ["float32"],
    # Latents, noise and networks.
    "dropout": ["masking"],
    "mask": ["masking"],
    "zero": ["masking"],
    "normal": ["gaussian"],
    "gauss": ["gaussian", "normal"],
    "saltpepper": ["salt_and_pepper"],
    "kldivergence": ["kl"],
    "kldiv": ["kl"],
    "ksparse": ["top_k"],
    "gmm": ["mixture"],
    "mixtureofgaussians": ["mixture"],
    "loglikelihood": ["likelihood"],
    "elbo": ["likelihood"],
    "reconstructionerror": ["reconstruction"],
    "xavier": ["random"],
    "glorot": ["random"],
    "kaiming": ["random"],
    "svd": ["pca"],
    "conv1d": ["convolutional"],
    "cnn": ["convolutional"],
    "lstm": ["gru"],
    "rnn": ["gru"],
    "recurrent": ["gru"],
}

# Parts of names of other libraries that say nothing: MSELoss, mse_loss, BatchNorm1d, AdamOptimizer.
_ENDINGS = re.compile(r"(loss|optimizer|lr|norm(alization)?([123]d)?)$")


def did_you_mean(value, names):
    """Return a sentence that suggests a name in the place of an unknown one.

    Parameters
    ----------
    value : object
        What was given: a word, or what other libraries take in its place, as the class ``nn.ReLU``
        or a loss ``nn.MSELoss()``.
    names : iterable of str
        What it may be.

    Returns
    -------
    sentence : str
        With a space before it, or empty if no name is near.
    """
    meant = {
        word: name
        for word, equivalents in _EQUIVALENTS.items()
        for name in reversed(equivalents)
        if name in names
    } | {_plain(name): name for name in names}
    word = _plain(_word(value))
    words = [word, _ENDINGS.sub("", word)]
    near = [n for one in words for n in difflib.get_close_matches(one, meant)]
    found = [meant[one] for one in [*words, *near] if one in meant]
    return f" Did you mean {found[0]!r}?" if found else ""


def check_name(parameter, value, names, also=()):
    """Check that a value is one of some names.

    Parameters
    ----------
    parameter : str
        What it is the value of.
    value : object
        The value.
    names : iterable of str
        What it may be.
    also : tuple, default=()
        What else it may be, such as None.

    Raises
    ------
    ValueError
        If it is none of them.
    """
    if value in also or (isinstance(value, str) and value in names):
        return
    valid = [*sorted(names), *also]
    expected = f"one of {valid}" if len(valid) > 2 else " or ".join(map(repr, valid))
    raise ValueError(
        f"{parameter} must be {expected}, got {value!r}.{did_you_mean(value, [*names])}"
    )


def _word(value):
    if value is None or isinstance(value, str):
        return str(value)
    if isinstance(value, Number):
        return ""
    return getattr(value, "__name__", type(value).__name__)


def _plain(word):
    return re.sub(r"[^a-z0-9]", "", word.lower())
