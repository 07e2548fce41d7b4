"""The imputer, and how analyses of several imputations become one."""

from ._autoencoder_imputer import AutoencoderImputer
from ._rubin import PooledEstimates, pool_estimates

__all__ = ["AutoencoderImputer", "PooledEstimates", "pool_estimates"]
