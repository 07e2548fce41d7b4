"""The imputer, and how analyses of several imputations become one."""

from ._autoencoder_imputer import AutoencoderImputer
from ._linear_table import LinearTable
from ._rubin import PooledEstimates, pool_estimates

__all__ = ["AutoencoderImputer", "LinearTable", "PooledEstimates", "pool_estimates"]
