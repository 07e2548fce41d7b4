"""The kind and the shape of arrays in annotations."""

from typing import Annotated, Literal

# A float that may be infinite or NaN, as a loss of rows in extreme units is. Model files take other
# floats only if they are finite.
AnyFloat = Annotated[float, "may be infinite or NaN"]


class ArrayOf:
    """The kind and the shape of an array, as in ``Annotated[np.ndarray, ArrayOf("float", 3)]``.

    A size is a number, the name of an attribute of the same object ("n_features_in_"), or any other
    name: sizes of one name are equal in that object. None is any size.
    """

    def __init__(
        self,
        kind: Literal["float", "int", "bool", "str"],
        *shape: str | int | None,
        may_be_infinite: bool = False,
    ) -> None:
        self.kind = kind
        self.shape = shape
        self.may_be_infinite = may_be_infinite
