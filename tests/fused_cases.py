"""The fused step of a module, as the net makes it, and cases that cover pairs of options."""

from itertools import combinations, product

from torch import optim

from skae.engine import fused

FIELDS = frozenset({"x", "weight"})


class AdamByAutograd(optim.Adam):
    """Adam, under a name that the fused step does not know."""


def fused_step(module, objective, optimizer, max_grad_norm=None, low=None, fields=FIELDS):
    """Return the step, or None if the net needs autograd."""
    net = fused.read_net(module, objective, optimizer, fields, max_grad_norm, low)
    return None if net is None else fused.FusedStep([net])


def is_fused(ae):
    """Whether a fitted estimator trains with the fused step."""
    net = ae.net_
    return fused_step(net.module_, net.criterion_, net.optimizer_) is not None


def pairwise(*options):
    """Return cases of one value of each option in which each pair of values occurs.

    Greedy: the next case is the one that has the most pairs that no case has had.
    """
    pairs_of = {case: set(combinations(enumerate(case), 2)) for case in product(*options)}
    left, chosen = set().union(*pairs_of.values()), []
    while left:
        best = max(pairs_of, key=lambda case: len(pairs_of[case] & left))
        left -= pairs_of[best]
        chosen.append(best)
    return chosen
