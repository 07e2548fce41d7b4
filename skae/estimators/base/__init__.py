"""The base class of all autoencoders, and the names that variants and tools need of it."""

from ._base_autoencoder import BaseAutoencoder
from ._class_conditions import ClassConditions, has_classes
from ._class_labels import (
    UNLABELLED,
    ClassArray,
    class_indices,
    classes_of,
    known_classes,
    label_column,
)
from ._column_parameters import ColumnParameters
from ._declared_parameters import DeclaredParameters, fitted
from ._encoder_decoder import Decoder, Encoder
from ._fit_decisions import (
    MIN_VALIDATION_ROWS,
    as_before_on_error,
    resolve_batch_size,
    resolve_hidden_layer_sizes,
)
from ._ignored_arguments import (
    warn_of_ignored_device,
    warn_of_ignored_parameters,
    warn_of_ignored_target,
)
from ._lockstep import fit_in_lockstep
from ._mixed_start import column_input, column_likelihoods, column_losses, learn_mixed_table
from ._net_building import NOT_REMEMBERED
from ._network_parameters import NetworkParameters
from ._pairs import pairs_of
from ._parameter_errors import ParameterErrorsMixin
from ._parameters import (
    POSITIVE_INT,
    CategoricalFeatures,
    LayerSizes,
    MaxCategories,
    MinFrequency,
    NonNegative,
    Positive,
    PositiveInt,
    RandomState,
)
from ._pca_start import start_at_probabilistic_pca
from ._rows_at_once import RowsAtOnce
from ._standardized_codes import StandardizedCodes

__all__ = [
    "MIN_VALIDATION_ROWS",
    "NOT_REMEMBERED",
    "POSITIVE_INT",
    "UNLABELLED",
    "BaseAutoencoder",
    "CategoricalFeatures",
    "ClassArray",
    "ClassConditions",
    "ColumnParameters",
    "DeclaredParameters",
    "Decoder",
    "Encoder",
    "LayerSizes",
    "MaxCategories",
    "MinFrequency",
    "NetworkParameters",
    "NonNegative",
    "ParameterErrorsMixin",
    "Positive",
    "PositiveInt",
    "RandomState",
    "RowsAtOnce",
    "StandardizedCodes",
    "as_before_on_error",
    "class_indices",
    "classes_of",
    "column_input",
    "column_likelihoods",
    "column_losses",
    "fit_in_lockstep",
    "fitted",
    "has_classes",
    "known_classes",
    "label_column",
    "learn_mixed_table",
    "pairs_of",
    "resolve_batch_size",
    "resolve_hidden_layer_sizes",
    "start_at_probabilistic_pca",
    "warn_of_ignored_device",
    "warn_of_ignored_parameters",
    "warn_of_ignored_target",
]
