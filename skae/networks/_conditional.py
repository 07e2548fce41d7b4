"""An autoencoder whose decoder sees the class of a row beside its code."""

from torch import Tensor, cat, nn

from ._autoencoder import Autoencoder
from ._calls import call
from ._latents import Latent


class ConditionalAutoencoder(Autoencoder):
    """An autoencoder whose decoder takes a code and, in `n_classes` columns beside it, a class.

    The encoder sees the row alone.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        n_components: int,
        latent: Latent | None,
        n_classes: int,
    ) -> None:
        super().__init__(encoder, decoder, n_components, latent)
        self.n_classes = n_classes

    def forward(self, x: Tensor) -> Tensor:
        """Return the raw reconstruction of rows whose class is not known; see `decode`."""
        return self.decode(self.encode(x))

    def decode(self, codes: Tensor) -> Tensor:
        """Return the raw reconstruction of scaled codes with one-hot classes beside them.

        Codes without classes are decoded as all of them in equal shares.
        """
        n_components = len(self.code_mean)
        raw = codes[:, :n_components] * self.code_scale + self.code_mean
        classes = codes[:, n_components:]
        if classes.shape[1] == 0:
            classes = codes.new_full((len(codes), self.n_classes), 1 / self.n_classes)
        return call(self.decoder, cat([raw, classes], dim=1))

    def of_class(self, place: int) -> "OfClass":
        """Return this autoencoder for rows of one class alone."""
        return OfClass(self, place)


class OfClass:
    """A conditional autoencoder whose codes are decoded as one class."""

    def __init__(self, autoencoder: ConditionalAutoencoder, place: int) -> None:
        self.encoder, self.latent = autoencoder.encoder, autoencoder.latent
        self.code_mean, self.code_scale = autoencoder.code_mean, autoencoder.code_scale
        self._autoencoder, self._place = autoencoder, place

    def decode(self, codes: Tensor) -> Tensor:
        """Return the raw reconstruction of scaled codes."""
        one = codes.new_zeros(len(codes), self._autoencoder.n_classes)
        one[:, self._place] = 1
        return self._autoencoder.decode(cat([codes, one], dim=1))
