"""Network, objective and net from an estimator's parameters and fitted attributes."""

from copy import deepcopy
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from skae.engine import (
    OPTIMIZERS,
    AutoencoderNet,
    global_generators_from,
    load_optimizer_state,
    optimizer_params,
    resolve_device,
)
from skae.networks import (
    Autoencoder,
    ConditionalAutoencoder,
    Latent,
    Network,
    PlainLatent,
    WithColumnInput,
    add_linear_path,
    check_widths_of,
)
from skae.objectives import (
    LOSSES,
    BorrowedGaps,
    Corruption,
    CountLoss,
    Head,
    Loss,
    Objective,
    ReconstructionObjective,
    TableLoss,
    WeightPenalty,
    over_observed,
)
from skae.tables import MixedTable, column_names

from ._fitted_attributes import FittedAttributes
from ._mixed_start import column_losses, first_layer

# Parameters that do not describe the network that was trained.
NOT_REMEMBERED = ("callbacks", "verbose")

# Parameters that decide the columns of a table of several types.
_OF_COLUMNS = ("categorical_features", "min_frequency", "max_categories")


class NetBuilding(FittedAttributes):
    """Builds the net, and builds it anew around the fitted network.

    A variant overrides `_make_network` (`NetworkParameters` does), `_make_latent`,
    `_make_corruption`, `_make_code_term`, `_make_objective` and `_reconstruction_loss`.
    """

    _net_class = AutoencoderNet

    # Changing these makes continued training raise.
    _fixed_parameters: ClassVar[tuple[str, ...]] = ()

    # -- the network ------------------------------------------------------------------

    def _make_network(self) -> Network:
        """Return a description of the network, without the shape of the rows."""
        raise NotImplementedError

    def _network_of_fit(self) -> Network:
        """Return a description of the network for the rows that the first `fit` saw."""
        return self._make_network().for_rows(self._row_shape or (self.n_features_in_,))

    def _build_module(self, seed: int) -> Autoencoder:
        """Return the network with its initial weights."""
        n_components, table, network = self.n_components_, self._table, self.network_
        generator = torch.Generator().manual_seed(seed)
        latent = self._make_latent()
        of_encoder, columns = first_layer(table, self._counts, network)
        encoder_widths = table.n_inputs, n_components * latent.outputs_per_component
        n_classes = self._n_classes
        decoder_widths = n_components + n_classes, self._answers.n_outputs
        # Modules of a user draw their initial weights from torch's global generator.
        with global_generators_from(seed):
            encoder = of_encoder.build_encoder(*encoder_widths, generator)
            decoder = network.build_decoder(*decoder_widths, generator)
            if not type(network).__module__.startswith("skae."):
                check_widths_of(encoder, "build_encoder", network, *encoder_widths)
                check_widths_of(decoder, "build_decoder", network, *decoder_widths)
        if self.has_linear_path_:
            encoder = add_linear_path(encoder, *encoder_widths)
            decoder = add_linear_path(decoder, *decoder_widths)
        if columns is not None:
            encoder = WithColumnInput(columns.float(), encoder)
        if n_classes:
            return ConditionalAutoencoder(encoder, decoder, n_components, latent, n_classes)
        return Autoencoder(encoder, decoder, n_components, latent)

    def _make_latent(self) -> Latent:
        """Return the module that turns outputs of the encoder into codes."""
        return PlainLatent()

    # -- the objective ----------------------------------------------------------------

    def _make_objective(self, seed: int) -> Objective:
        """Return the objective of training; the seed is for weights of its own."""
        return ReconstructionObjective(
            self._make_heads(),
            self._make_weight_penalty(),
            self._make_corruption(),
            self._make_code_term(seed),
        )

    def _make_heads(self) -> list[Head]:
        """Return the losses with their columns; a numeric table has one loss for all columns."""
        return [Head(self._make_loss())]

    def _reconstruction_loss(self) -> Loss | type[CountLoss]:
        """Return the loss of numbers, or of counts."""
        return LOSSES[self.loss]

    def _make_loss(self) -> TableLoss:
        """Return the loss of the table."""
        loss = self._reconstruction_loss()
        if self._counts is not None:
            assert not isinstance(loss, Loss)
            return loss(self._table.n_outputs, self._counts.depth)
        assert isinstance(loss, Loss)
        answers = self._answers
        if isinstance(answers, MixedTable):
            return column_losses(answers, loss)
        return loss if answers.means is None else over_observed(loss)

    def _make_corruption(self) -> Corruption | BorrowedGaps | None:
        """Return the corruption of the rows that the encoder sees in training."""
        if self._target is not None:
            # The gaps of pairs teach what is missing.
            return None
        in_columns = self._mixed is not None and self._mixed.has_gaps.any()
        return BorrowedGaps() if in_columns or self._means is not None else None

    def _make_code_term(self, seed: int) -> nn.Module | None:
        """Return the term on the codes; see `ReconstructionObjective`."""
        return None

    def _make_weight_penalty(self) -> WeightPenalty:
        return WeightPenalty(self.alpha, self.l1_ratio)

    # -- the net ----------------------------------------------------------------------

    def _make_net(
        self, module: Autoencoder, device: torch.device, seed: int, callbacks: list | None
    ) -> AutoencoderNet:
        """Return a net around a network, ready to be trained."""
        optimizer, objective = self.optimizer, self._make_objective(seed)
        net = self._net_class(
            module,
            objective,
            optimizer=OPTIMIZERS[optimizer] if isinstance(optimizer, str) else optimizer,
            random_state=seed,
            device=str(device),
            callbacks=callbacks,
            predict_nonlinearity=objective.heads[0].loss.to_data,
            verbose=0,
            **self._net_params(),
            **optimizer_params(optimizer, self.learning_rate, float(self.learning_rate_init)),
        ).initialize()
        if self._mixed is not None:
            net.column_names_ = list(column_names(self, self.n_features_in_))
        return net

    def _net_params(self) -> dict[str, Any]:
        return {
            "lr": float(self.learning_rate_init),
            "learning_rate": self.learning_rate,
            "max_grad_norm": self.max_grad_norm,
            "precision": self.precision,
            "tol": self.tol,
            "patience": self.n_iter_no_change,
        }

    def _device(self, continued: bool) -> torch.device:
        """Return the device of training; continued training keeps it unless `device` changed."""
        if continued and self.device == self._fitted_params["device"]:
            return torch.device(self.net_.device)
        return resolve_device(self.device)

    # -- continued training -----------------------------------------------------------

    def _remember_params(self) -> None:
        """Keep the parameters that the net depends on, as they may be changed later."""
        params = self.get_params(deep=False)
        self._fitted_params = {k: v for k, v in params.items() if k not in NOT_REMEMBERED}

    def _check_unchanged(self) -> None:
        """Raise a ValueError if continued training would need another network or scaling."""
        before = self._fitted_params
        same_size = self.n_components in (before["n_components"], self.n_components_)
        of_columns = () if self._frame is None else _OF_COLUMNS
        changed = {
            "n_components": not same_size,
            "init": self.init != before["init"],
            "loss": self._fitted_loss.name != self.loss,
            "a parameter of the network": self._network_of_fit() != self.network_,
            **{
                name: np.asarray(getattr(self, name)).tolist() != np.asarray(before[name]).tolist()
                for name in (*self._fixed_parameters, *of_columns)
            },
        }
        for what, differs in changed.items():
            if differs:
                raise ValueError(
                    f"{what} changed since the first fit, and training cannot continue with it. "
                    f"Set it back, or set warm_start=False and call fit."
                )

    def _renew_net(self, keep_optimizer: bool = False) -> None:
        """Make a net with the parameters as they are now around a copy of the fitted network.

        The fitted network stays as it is: `encoder_` and `decoder_` may share it.
        """
        self._check_unchanged()
        fitted, fitted_params = self.net_, self._fitted_params
        device = self._device(continued=True)
        self._remember_params()
        module, callbacks = deepcopy(fitted.module_), list(self.callbacks or [])
        self.net_ = self._make_net(module, device, fitted.random_state, callbacks)
        self.net_.criterion_.load_state_dict(fitted.criterion_.state_dict())
        self.net_.history.extend(fitted.history)
        self.net_.set_generator_states(fitted.generator_states(), fitted.device)
        if keep_optimizer and fitted_params["optimizer"] == self.optimizer:
            for mine, before in zip(self.net_.optimizers(), fitted.optimizers(), strict=True):
                # Another schedule may part the parameters in another way.
                if len(mine.param_groups) == len(before.param_groups):
                    load_optimizer_state(mine, deepcopy(before.state_dict()))
