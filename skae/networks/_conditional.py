"""An autoencoder whose decoder sees the class of a row beside its code."""

from torch import Tensor, cat, nn

from ._autoencoder import Autoencoder
from ._calls import call
from ._latents import Latent


class ConditionalAutoencoder(Autoencoder):
    """An autoencoder whose decoder takes a code and, in `n_classes` columns beside it, a class.

    The encoder sees the row alone. What stands beside codes is a one in the column of the class,
    and zeros; or with one column more, which is one where the class is not known; or nothing.
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
        """Return the raw reconstruction of scaled codes, with what stands beside them.

        A class that is not known is every class in equal shares.
        """
        n_components = len(self.code_mean)
        raw = codes[:, :n_components] * self.code_scale + self.code_mean
        return call(self.decoder, cat([raw, self._classes(codes[:, n_components:])], dim=1))

    def _classes(self, given: Tensor) -> Tensor:
        if given.shape[1] == 0:
            return given.new_full((len(given), self.n_classes), 1 / self.n_classes)
        known = given[:, : self.n_classes]
        return known if known.shape == given.shape else known + given[:, -1:] / self.n_classes

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
