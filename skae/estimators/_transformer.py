"""The plain autoencoder."""

from sklearn.base import clone

from skae.networks import DenseNetwork
from skae.objectives import LOSSES, ReconstructionObjective, WeightPenalty

from ._base import BaseAutoencoder
from ._training import resolve_hidden_layer_sizes


class AutoencoderTransformer(BaseAutoencoder):
    """Nonlinear dimensionality reduction with an autoencoder."""

    def __init__(
        self,
        n_components="auto",
        *,
        hidden_layer_sizes=(256, 128),
        activation="silu",
        init="pca",
        loss="squared_error",
        alpha=0.0,
        l1_ratio=0.0,
        dropout=0.0,
        normalization=None,
        network=None,
        optimizer="adam",
        learning_rate_init=2e-3,
        learning_rate="one_cycle",
        max_grad_norm=None,
        batch_size="auto",
        max_iter=100,
        early_stopping="auto",
        validation_fraction=0.1,
        n_iter_no_change=20,
        tol=0.0,
        warm_start=False,
        random_state=None,
        device="cpu",
        callbacks=None,
        verbose=0,
    ):
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.init = init
        self.loss = loss
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.dropout = dropout
        self.normalization = normalization
        self.network = network
        self.optimizer = optimizer
        self.learning_rate_init = learning_rate_init
        self.learning_rate = learning_rate
        self.max_grad_norm = max_grad_norm
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.random_state = random_state
        self.device = device
        self.callbacks = callbacks
        self.verbose = verbose

    def _make_network(self):
        if self.network is not None:
            return clone(self.network, safe=False)
        return DenseNetwork(
            hidden_layer_sizes=resolve_hidden_layer_sizes(self.hidden_layer_sizes),
            activation=self.activation,
            dropout=self.dropout,
            normalization=self.normalization,
        )

    def _make_objective(self):
        penalty = WeightPenalty(self.alpha, self.l1_ratio)
        return ReconstructionObjective(LOSSES[self.loss], penalty)
