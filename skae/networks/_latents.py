"""Latents: what makes codes of an encoder's outputs."""

from torch import nn

# Variances from 1e-7 to 3000: beyond, a network that went astray would overflow.
_LOG_VARIANCES = -16.0, 8.0


class PlainLatent(nn.Module):
    """The outputs of the encoder are the codes."""

    fused_as = "plain latent"

    # Outputs of the encoder for each component of the code.
    outputs_per_component = 1

    def forward(self, h):
        """Return the codes.

        Parameters
        ----------
        h : tensor of shape (n_samples, n_outputs)
            What the encoder gave.

        Returns
        -------
        codes : tensor of shape (n_samples, n_components)
        """
        return h


class GaussianLatent(nn.Module):
    """The outputs of the encoder are the mean and the log-variance of a normal posterior.

    The code of a row is the mean.
    """

    outputs_per_component = 2

    def forward(self, h):
        """Return the means; see `PlainLatent.forward`."""
        return h.chunk(2, dim=1)[0]

    def posterior(self, h):
        """Return means and log-variances.

        Parameters
        ----------
        h : tensor of shape (n_samples, 2 * n_components)
            What the encoder gave.

        Returns
        -------
        mean, log_variance : tensor of shape (n_samples, n_components)
        """
        mean, log_variance = h.chunk(2, dim=1)
        return mean, log_variance.clamp(*_LOG_VARIANCES)

    def spread(self, h):
        """Return the variances around the codes; see `posterior`."""
        return self.posterior(h)[1].exp()
