"""The fused step of a module, as the net makes it."""

from skae.engine import fused

FIELDS = frozenset({"x", "weight"})


def fused_step(module, objective, optimizer, max_grad_norm=None, low=None, fields=FIELDS):
    """Return the step, or None if the net needs autograd."""
    net = fused.read_net(module, objective, optimizer, fields, max_grad_norm, low)
    return None if net is None else fused.fused_step(net)
