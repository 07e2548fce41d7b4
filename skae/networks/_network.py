"""The base class of network descriptions, which do not depend on the data."""

from dataclasses import fields, is_dataclass
from typing import Any, ClassVar, Self

from torch import Generator, nn


class Network:
    """Base class of network descriptions.

    A description is a dataclass that describes a network without the widths of its input and
    output; :meth:`build_encoder` and :meth:`build_decoder` make the torch modules once these
    are known. Its fields are parameters in scikit-learn's sense (``network__<field>``), so a grid
    search can set them and ``clone`` copies them.

    Subclasses are dataclasses and define both methods, which are called by position. Modules may
    draw from torch's global generator while they are built and trained: the estimator seeds it.
    In evaluation mode they must not draw. A description whose rows are images or windows sets
    `takes_shaped_rows` and finds their shape in :meth:`for_rows`.

    See Also
    --------
    DenseNetwork, ConvolutionalNetwork, SequenceNetwork : Descriptions that are ready.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from sklearn.datasets import load_iris
    >>> from torch import nn
    >>> from skae import AutoencoderTransformer
    >>> from skae.networks import Network
    >>> @dataclass
    ... class OneHiddenLayer(Network):
    ...     width: int = 8
    ...
    ...     def build_encoder(self, n_inputs, n_outputs, generator):
    ...         first, last = nn.Linear(n_inputs, self.width), nn.Linear(self.width, n_outputs)
    ...         return nn.Sequential(first, nn.SiLU(), last)
    ...
    ...     def build_decoder(self, n_components, n_outputs, generator):
    ...         return nn.Linear(n_components, n_outputs)
    >>> ae = AutoencoderTransformer(2, network=OneHiddenLayer(), max_iter=5, random_state=0)
    >>> ae.set_params(network__width=16).fit_transform(load_iris().data).shape
    (150, 2)
    """

    # Whether an estimator may be given arrays of more than two dimensions.
    takes_shaped_rows: ClassVar[bool] = False

    # The names of the axes of an image or a window, channels last.
    row_axes: ClassVar[tuple[str, ...]] = ()

    def for_rows(self, row_shape: tuple[int, ...]) -> Self:
        """Return this description for rows of a shape.

        Parameters
        ----------
        row_shape : tuple of int
            ``(n_features,)`` for the rows of a table; for an array of more dimensions all but
            the first, as in ``(height, width, n_channels)``.

        Returns
        -------
        network : Network
            This description, or a copy that knows the shape.

        Raises
        ------
        ValueError
            If rows of this shape do not fit the description.
        """
        return self

    def with_gaps(self, n_values: int) -> tuple[Self, int]:
        """Return the description of an encoder that also sees where values are missing.

        Parameters
        ----------
        n_values : int
            Width of the rows. The encoder sees twice as many values.

        Returns
        -------
        network : Network
            The description of the encoder, whose channels each have an indicator channel.
        n_channels : int
            The channels of a row; their indicators come after them, pixel by pixel or step by step.

        Raises
        ------
        ValueError
            If the description takes images or windows, but does not say how.
        """
        if self.takes_shaped_rows:
            raise ValueError(
                f"X has gaps, but {type(self).__name__} does not define with_gaps, so it takes "
                f"none. Fill them, or leave such rows out."
            )
        return self, n_values

    def build_encoder(self, n_inputs: int, n_outputs: int, generator: Generator) -> nn.Module:
        """Return the half that maps rows to what the latent turns into codes.

        Parameters
        ----------
        n_inputs : int
            Width of the rows that the encoder sees.
        n_outputs : int
            Width of the output: that of the code, or twice that for a latent that needs a
            mean and a variance.
        generator : torch.Generator
            Source of every random initial weight, on the CPU.

        Returns
        -------
        encoder : torch.nn.Module
            Maps a (n_samples, n_inputs) tensor to (n_samples, n_outputs).
        """
        raise TypeError(f"{type(self).__name__} must define `build_encoder`")

    def build_decoder(self, n_components: int, n_outputs: int, generator: Generator) -> nn.Module:
        """Return the half that maps codes to the values that the loss compares with the rows.

        Parameters
        ----------
        n_components : int
            Width of the code.
        n_outputs : int
            Width of the output, which may differ from that of the encoder's input.
        generator : torch.Generator
            Source of every random initial weight, on the CPU.

        Returns
        -------
        decoder : torch.nn.Module
            Maps a (n_samples, n_components) tensor to (n_samples, n_outputs).
        """
        raise TypeError(f"{type(self).__name__} must define `build_decoder`")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the fields of the description by name.

        Parameters
        ----------
        deep : bool, default=True
            Ignored: a description holds no other estimators.

        Returns
        -------
        params : dict

        Raises
        ------
        TypeError
            If the class is no dataclass.
        """
        if not is_dataclass(self):
            raise TypeError(
                f"{type(self).__name__} is no dataclass, so its parameters are not known. Write "
                f"@dataclass before the class."
            )
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def set_params(self, **params: Any) -> Self:
        """Change fields of the description.

        Parameters
        ----------
        **params : dict
            New values by field name.

        Returns
        -------
        self : Network

        Raises
        ------
        ValueError
            If a name is no field of this description.
        """
        valid = self.get_params()
        for name, value in params.items():
            if name not in valid:
                raise ValueError(
                    f"Invalid parameter {name!r} for {type(self).__name__}. "
                    f"Valid parameters are: {sorted(valid)}."
                )
            setattr(self, name, value)
        return self
