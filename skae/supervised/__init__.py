"""Estimators that learn labels: a head on the codes of an autoencoder."""

from ._classifier import AutoencoderClassifier
from ._regressor import AutoencoderRegressor
from ._scoring import score_labelled

__all__ = ["AutoencoderClassifier", "AutoencoderRegressor", "score_labelled"]
