"""The plain autoencoder's objective."""

from ._objective import Objective


class ReconstructionObjective(Objective):
    """Mean reconstruction loss plus a penalty on the weights.

    Parameters
    ----------
    loss : Loss
        The reconstruction loss.
    weight_penalty : WeightPenalty
        The penalty.
    corruption : Corruption or None, default=None
        What is done to the rows that the encoder sees. What should come out are the rows
        without it.
    """

    def __init__(self, loss, weight_penalty, corruption=None):
        super().__init__(loss, weight_penalty)
        self.corruption = corruption

    @property
    def is_plain_reconstruction(self):
        """Whether this is the loss of one pass of `corruption` and network, and the penalty."""
        return type(self).forward is ReconstructionObjective.forward

    def forward(self, autoencoder, x, sample_weight=None):
        """Answer in parts what training minimises on one batch.

        Parameters
        ----------
        autoencoder : Autoencoder
            The network.
        x : tensor of shape (n_samples, n_features)
            Scaled rows.
        sample_weight : tensor of shape (n_samples,) or None
            Weights whose mean over all training rows is one.

        Returns
        -------
        parts : dict of str to tensor
            Scalars that add up to the objective.
        """
        output = autoencoder(x if self.corruption is None else self.corruption(x))
        if sample_weight is None:
            reconstruction = self.loss.function(output, x)
        else:
            reconstruction = (self.row_losses(output, x) * sample_weight).mean()
        return {"reconstruction": reconstruction, **self.weight_penalty(autoencoder)}
