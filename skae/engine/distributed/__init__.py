"""Training by several processes, the ranks of torch.distributed, which share every batch.

All ranks have the same rows and draw the same order. Each reads its slice of every batch and
computes the gradient of its rows. Gradients are added up before each step of the optimizer, which
all ranks then take alike: parameters never differ.
"""

from ._ranks import ONE_RANK, OneRank, Ranks
from ._refusals import check_alike, check_divisible, refuse_several_ranks
from ._world import ranks_of_process

__all__ = [
    "ONE_RANK",
    "OneRank",
    "Ranks",
    "check_alike",
    "check_divisible",
    "ranks_of_process",
    "refuse_several_ranks",
]
