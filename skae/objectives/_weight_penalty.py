"""The elastic-net penalty on a network's weights."""

from torch import nn


class WeightPenalty(nn.Module):
    """``alpha * (l1_ratio * |W|_1 + 0.5 * (1 - l1_ratio) * |W|_2^2)``.

    Only the weights of linear and convolutional layers count, neither biases nor the
    parameters of normalisation layers.

    Parameters
    ----------
    alpha : float
        Strength.
    l1_ratio : float
        Share of the L1 part, in [0, 1].
    """

    def __init__(self, alpha, l1_ratio):
        super().__init__()
        self.l1 = alpha * l1_ratio
        self.l2 = alpha * (1 - l1_ratio)

    @staticmethod
    def weights(module):
        """Return the parameters that the penalty falls on."""
        return [p for p in module.parameters() if p.ndim > 1]

    def forward(self, module):
        """Return the penalty as a dict of named parts, empty where it is switched off.

        The L1 part carries no gradient: it is minimised by soft-thresholding after each
        step, which is what makes weights exactly zero.
        """
        parts = {}
        if self.l2:
            parts["l2"] = 0.5 * self.l2 * sum(w.square().sum() for w in self.weights(module))
        if self.l1:
            parts["l1"] = self.l1 * sum(w.detach().abs().sum() for w in self.weights(module))
        return parts
