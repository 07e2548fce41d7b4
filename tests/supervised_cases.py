"""Small classifiers and regressors, and rows some of which have a label, for several tests."""

import numpy as np
import pandas as pd
from mixed_cases import table, with_gaps

import skae

N_ROWS = 60
X = np.random.default_rng(0).normal(size=(N_ROWS, 5))
IMAGES = np.random.default_rng(1).uniform(size=(N_ROWS, 8, 6))
NUMBERS = X @ [1.0, -2.0, 0.5, 0.0, 3.0]
IS_LABELLED = np.arange(N_ROWS) % 4 > 0
PLACES = np.digitize(NUMBERS, [-1.0, 1.0])
CLASSES = np.where(IS_LABELLED, PLACES, -1)
WORDS = np.where(IS_LABELLED, np.array(["low", "mid", "upper"], dtype=object)[PLACES], -1)
SOME_NUMBERS = np.where(IS_LABELLED, NUMBERS, np.nan)

SMALL = {"hidden_layer_sizes": (8,), "max_iter": 2, "random_state": 0}
FEW = {"max_iter": 2, "n_propagations": 1, "random_state": 0}


def autoencoder(**params):
    return skae.AutoencoderTransformer(2, **SMALL | params)


def convolutional():
    return skae.ConvolutionalAutoencoder(
        2, channels=(3,), hidden_layer_sizes=(), max_iter=1, random_state=0
    )


def classifier(inner=None, **params):
    return skae.AutoencoderClassifier(inner or autoencoder(), **FEW | params)


def regressor(inner=None, **params):
    return skae.AutoencoderRegressor(inner or autoencoder(), **FEW | params)


def mixed_table():
    """A table of several types, with gaps in two columns, whose column "age" tells the labels."""
    frame = table(n_rows=N_ROWS).drop(columns="grade").reset_index(drop=True)
    gaps = with_gaps(frame)[["city"]].assign(income=frame["income"].where(IS_LABELLED))
    return frame.assign(**gaps).astype({"city": object, "since": "datetime64[us]"})


def labelled_table():
    """The same with the column "y", which is empty in some rows."""
    frame = mixed_table()
    words = np.where(frame["age"] > 40, "old", "young").astype(object)
    return frame.assign(y=pd.Series(words).where(IS_LABELLED, None))
