"""The objective of one pass through the autoencoder."""

from ._objective import Objective


class ReconstructionObjective(Objective):
    """Mean reconstruction loss, plus a term on the codes, plus a penalty on the weights.

    Parameters
    ----------
    loss : Loss
        The reconstruction loss.
    weight_penalty : WeightPenalty
        The penalty on the weights.
    corruption : Corruption or None, default=None
        What is done to the rows that the encoder sees. What should come out are the rows
        without it.
    code_term : torch.nn.Module or None, default=None
        ``code_term(autoencoder, h, sample_weight)`` turns what the encoder gave into what the
        decoder sees, and answers with that and a dict of penalties: scalars that depend on
        the weights of the decoder and on `h` only. None is the latent of the autoencoder.
    """

    def __init__(self, loss, weight_penalty, corruption=None, code_term=None):
        super().__init__(loss, weight_penalty)
        self.corruption = corruption
        self.code_term = code_term

    @property
    def is_one_pass(self):
        """Whether `forward` is the one of this class, whose steps others may take one by one."""
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
        seen = x if self.corruption is None else self.corruption(x)
        if self.code_term is None:
            output, penalties = autoencoder(seen), {}
        else:
            h = autoencoder.encoder(seen)
            codes, penalties = self.code_term(autoencoder, h, sample_weight)
            output = autoencoder.decoder(codes)
        value = self.reconstruction(output, x, sample_weight)
        return {"reconstruction": value, **penalties, **self.weight_penalty(autoencoder)}

    def through_latent(self, autoencoder, h, sample_weight):
        """Return what the decoder sees for the outputs of the encoder, and the penalties."""
        if self.code_term is None:
            return autoencoder.latent(h), {}
        return self.code_term(autoencoder, h, sample_weight)

    def reconstruction(self, output, x, sample_weight):
        """Return the loss of a batch, a scalar.

        Parameters
        ----------
        output : tensor of shape (n_samples, n_features)
            What the decoder gave.
        x : tensor of shape (n_samples, n_features)
            The scaled rows that it should give.
        sample_weight : tensor of shape (n_samples,) or None
            Weights of the rows.
        """
        if sample_weight is None:
            return self.loss.function(output, x)
        return (self.row_losses(output, x) * sample_weight).mean()

    def reconstruction_and_gradient(self, output, x, sample_weight):
        """Return the loss of a batch and its gradient, which takes the place of the output."""
        return self.loss.value_and_gradient(output, x, sample_weight)
