"""The training step of dense networks, its backward derived by hand.

A dense autoencoder on a plain reconstruction loss spends most of autograd's time outside its
matrix products: in graph nodes, in temporary tensors, in one optimizer call for each parameter.
Here parameters, gradients and moments are views of one flat buffer each, every product writes
into a buffer that is reused, and one call of torch's fused kernel updates all parameters.

`read_net` says whether a net qualifies; autograd trains those that do not. Several nets of one
kind can take their steps as one `FusedStep`: their buffers are the rows of a larger one, and what
is a matrix for one net is a stack of matrices for all.
"""

from ._fusable import FusableNet, assumptions_of, has_hooks, read_net
from ._step import FusedStep

__all__ = [
    "FusableNet",
    "FusedStep",
    "assumptions_of",
    "has_hooks",
    "read_net",
]
