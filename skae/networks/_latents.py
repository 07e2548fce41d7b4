"""Latents: what makes codes of an encoder's outputs."""

from torch import nn


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
