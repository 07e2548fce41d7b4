"""The training step of dense networks, its backward derived by hand."""

from ._cuda_graph import GraphedStep
from ._eligibility import fused_step, read_net, what_it_stands_on
from ._step import FusedStep

__all__ = ["FusedStep", "GraphedStep", "fused_step", "read_net", "what_it_stands_on"]
