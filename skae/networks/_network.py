"""What describes a network before its data is known."""

from dataclasses import fields, is_dataclass


class Network:
    """Base class of network descriptions.

    A description is a dataclass that says how a network looks, without knowing how many
    features it will see; :meth:`build_encoder` and :meth:`build_decoder` make the torch modules
    once that is known.
    Its fields are parameters in scikit-learn's sense (``network__<field>``), so a grid
    search reaches them and ``clone`` copies them.

    Modules may draw from torch's global generator while they are built and while they train: they
    get numbers of the estimator's seed. In evaluation mode they must not draw at random.

    Subclasses are dataclasses and define both. One whose rows are images or windows also says
    so in `takes_shaped_rows`, and finds their shape in :meth:`for_rows`.
    """

    # Whether an estimator may be given arrays of more than two dimensions.
    takes_shaped_rows = False

    def for_rows(self, row_shape):
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

    def build_encoder(self, n_features, n_outputs, generator):
        """Make the half that maps rows to what codes are made of.

        Parameters
        ----------
        n_features : int
            Width of the input rows.
        n_outputs : int
            Width of the output: that of the code, or twice that for a latent that needs a
            mean and a variance.
        generator : torch.Generator
            Source of every random initial weight, on the CPU.

        Returns
        -------
        encoder : torch.nn.Module
            Maps a (n_samples, n_features) tensor to (n_samples, n_outputs).
        """
        raise TypeError(f"{type(self).__name__} must define `build_encoder`")

    def build_decoder(self, n_components, n_features, generator):
        """Make the half that maps codes back to rows.

        Parameters
        ----------
        n_components : int
            Width of the code.
        n_features : int
            Width of the rows.
        generator : torch.Generator
            Source of every random initial weight, on the CPU.

        Returns
        -------
        decoder : torch.nn.Module
            Maps a (n_samples, n_components) tensor to (n_samples, n_features).
        """
        raise TypeError(f"{type(self).__name__} must define `build_decoder`")

    def get_params(self, deep=True):
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

    def set_params(self, **params):
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
