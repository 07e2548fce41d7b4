"""The training step of dense networks, its backward derived by hand.

A dense autoencoder on a plain reconstruction loss spends most of autograd's time outside its
matrix products: in graph nodes, in temporary tensors, in one optimizer call for each parameter.
Here parameters, gradients and moments are views of one flat buffer each, every product writes
into a buffer that is reused, and one call of torch's fused kernel updates all parameters.

`read_net` says whether a net qualifies; autograd trains those that do not. `fused_step` returns
the step of a net. Several nets of one kind can take their steps as one `FusedStep`: their buffers
are the rows of a larger one, and what is a matrix for one net is a stack of matrices for all.
"""

from ..distributed import ONE_RANK, OneRank
from ._cuda_graph import GraphedStep
from ._fusable import FusableNet, assumptions_of, read_net
from ._step import FusedStep

__all__ = [
    "FusableNet",
    "FusedStep",
    "Step",
    "assumptions_of",
    "fused_step",
    "read_net",
]

Step = FusedStep | GraphedStep


def fused_step(net: FusableNet, ranks: OneRank = ONE_RANK) -> Step:
    """Return the fused step of a net; on a GPU its kernels are launched as one graph.

    Several ranks talk between the kernels, so that they launch these one by one.
    """
    step = FusedStep([net], ranks)
    on_gpu = net.parameters[0].device.type == "cuda"
    graphed = on_gpu and not net.latent_by_autograd and ranks.size == 1
    return GraphedStep(step) if graphed else step
