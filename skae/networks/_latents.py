"""Latents: modules that turn the encoder's outputs into codes."""

from torch import Tensor, nn

# Variances from 1e-7 to 3000: outside, a network that diverges would overflow.
_LOG_VARIANCES = -16.0, 8.0


class Latent(nn.Module):
    """Base class of latents; `forward` maps outputs of the encoder to codes, row by row."""

    # Outputs of the encoder for each component of the code.
    outputs_per_component = 1


class PlainLatent(Latent):
    """The latent of encoders whose outputs are the codes."""

    def forward(self, h: Tensor) -> Tensor:
        """Return the codes, which are `h` itself."""
        return h


class GaussianLatent(Latent):
    """A latent whose inputs are mean and log-variance of a normal posterior.

    The code of a row is the mean.
    """

    outputs_per_component = 2

    def forward(self, h: Tensor) -> Tensor:
        """Return the means, a tensor of shape (n_samples, n_components)."""
        return h.chunk(2, dim=1)[0]

    def posterior(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and log-variances, each of shape (n_samples, n_components)."""
        mean, log_variance = h.chunk(2, dim=1)
        return mean, log_variance.clamp(*_LOG_VARIANCES)

    def spread(self, h: Tensor) -> Tensor:
        """Return the variances around the codes, a tensor of shape (n_samples, n_components)."""
        return self.posterior(h)[1].exp()
