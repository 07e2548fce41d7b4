"""The net around an estimator's network: made, made anew, and brought back from a pickle."""

from copy import deepcopy

import numpy as np
import torch
from sklearn.base import clone

from skae.engine import (
    OPTIMIZERS,
    AutoencoderNet,
    existing_device,
    global_generators_from,
    load_net_state,
    load_optimizer_state,
    net_to_state,
    resolve_device,
    state_for,
    to_numpy,
    torch_defaults,
)
from skae.networks import (
    Autoencoder,
    DenseNetwork,
    PlainLatent,
    add_linear_path,
    check_widths_of,
)
from skae.objectives import LOSSES, ReconstructionObjective, WeightPenalty

from ._training import resolve_hidden_layer_sizes

# Parameters that say nothing of the network that was trained.
NOT_REMEMBERED = ("callbacks", "verbose")


class NetMakerMixin:
    """Make network, objective and net from an estimator's parameters and fitted attributes."""

    _net_class = AutoencoderNet

    def _make_network(self):
        """Return a description of the network, which does not know the shape of rows yet."""
        if isinstance(self.network, type):
            raise ValueError(
                f"network must be an instance, got the class {self.network.__name__}. Write "
                f"{self.network.__name__}(), with its parameters between the parentheses."
            )
        if self.network is not None:
            return clone(self.network, safe=False)
        return DenseNetwork(
            hidden_layer_sizes=resolve_hidden_layer_sizes(self.hidden_layer_sizes),
            activation=self.activation,
            dropout=self.dropout,
            normalization=self.normalization,
        )

    def _network_of_fit(self):
        """Return a description of the network for the rows that the first `fit` saw."""
        return self._make_network().for_rows(self._row_shape or (self.n_features_in_,))

    def _build_module(self, seed):
        n_features, n_components = self.n_features_in_, self.n_components_
        generator = torch.Generator().manual_seed(seed)
        latent = self._make_latent()
        n_outputs = n_components * latent.outputs_per_component
        # Modules of a user's own draw their first weights where torch's do.
        with global_generators_from(seed):
            encoder = self.network_.build_encoder(n_features, n_outputs, generator)
            decoder = self.network_.build_decoder(n_components, n_features, generator)
            if not type(self.network_).__module__.startswith("skae."):
                check_widths_of(encoder, "build_encoder", self.network_, n_features, n_outputs)
                check_widths_of(decoder, "build_decoder", self.network_, n_components, n_features)
        if self.has_linear_path_:
            encoder = add_linear_path(encoder, n_features, n_outputs)
            decoder = add_linear_path(decoder, n_components, n_features)
        return Autoencoder(encoder, decoder, n_components, latent)

    def _make_latent(self):
        """Return what makes codes of the encoder's outputs."""
        return PlainLatent()

    def _make_corruption(self):
        """Return what is done to the rows that the encoder sees in training, or None."""
        return None

    def _make_objective(self, seed):
        """Return what training minimises; the seed is for weights of its own."""
        return ReconstructionObjective(
            LOSSES[self.loss], self._make_weight_penalty(), self._make_corruption()
        )

    def _make_weight_penalty(self):
        return WeightPenalty(self.alpha, self.l1_ratio)

    def _make_net(self, module, device, seed, callbacks):
        return self._net_class(
            module,
            self._make_objective(seed),
            optimizer=OPTIMIZERS.get(self.optimizer, self.optimizer),
            random_state=seed,
            device=str(device),
            callbacks=callbacks,
            predict_nonlinearity=LOSSES[self.loss].to_data,
            verbose=0,
            **self._net_params(),
        )

    def _callbacks(self):
        return list(self.callbacks or [])

    def _net_params(self):
        return {
            "lr": float(self.learning_rate_init),
            "max_epochs": int(self.max_iter),
            "learning_rate": self.learning_rate,
            "max_grad_norm": self.max_grad_norm,
            "precision": self.precision,
            "tol": self.tol,
            "patience": self.n_iter_no_change,
        }

    def _device(self, continued):
        """Return where to train; what goes on stays where it is, unless told otherwise."""
        if continued and self.device == self._fitted_params["device"]:
            return torch.device(self.net_.device)
        return resolve_device(self.device)

    def _remember_params(self):
        # What the net depends on, so that a pickle is not led astray by later set_params.
        params = self.get_params(deep=False)
        self._fitted_params = {k: v for k, v in params.items() if k not in NOT_REMEMBERED}

    def _check_unchanged(self):
        """Refuse to continue a fit that would need another network or another scaling."""
        before = self._fitted_params
        same_size = self.n_components in (before["n_components"], self.n_components_)
        changed = {
            "n_components": not same_size,
            "init": self.init != before["init"],
            "loss": self.net_.criterion_.loss != LOSSES[self.loss],
            "a parameter of the network": self._network_of_fit() != self.network_,
            **{
                name: np.asarray(getattr(self, name)).tolist() != np.asarray(before[name]).tolist()
                for name in self._fixed_parameters
            },
        }
        for what, differs in changed.items():
            if differs:
                raise ValueError(
                    f"{what} changed since the first fit, and training cannot continue with it. "
                    f"Set it back, or set warm_start=False and call fit."
                )

    def _renew_net(self, keep_optimizer=False):
        """Make a net with the parameters as they are now around a copy of the fitted network.

        The fitted network stays as it is: `encoder_` and `decoder_` may share it.
        """
        self._check_unchanged()
        fitted, fitted_params = self.net_, self._fitted_params
        device = self._device(continued=True)
        self._remember_params()
        seed = fitted.random_state
        net = self._make_net(deepcopy(fitted.module_), device, seed, self._callbacks())
        self.net_ = net.initialize()
        self.net_.criterion_.load_state_dict(fitted.criterion_.state_dict())
        self.net_.history.extend(fitted.history)
        self.net_.set_generator_states(fitted.generator_states(), fitted.device)
        if keep_optimizer and fitted_params["optimizer"] == self.optimizer:
            for mine, before in zip(self.net_.optimizers(), fitted.optimizers(), strict=True):
                load_optimizer_state(mine, deepcopy(before.state_dict()))

    # -- pickling ---------------------------------------------------------------------

    def __getstate__(self):
        """Replace net and tensors by numpy arrays, which load on any machine."""
        state = super().__getstate__()
        if "net_" in state:
            state = to_numpy({**state, "net_": net_to_state(self.net_)})
        return state

    def __setstate__(self, state):
        """Build the net anew around its arrays, on the CPU if its device is absent."""
        super().__setstate__(state)
        if "net_" in state:
            self._restore_net(self.__dict__.pop("net_"))

    def _restore_on(self, device, state):
        """Restore a pickled state on a device, which may differ from the one it was made on."""
        super().__setstate__(state)
        self._restore_net(self.__dict__.pop("net_"), device)

    @torch_defaults()
    def _restore_net(self, net, device=None):
        device = existing_device(net["device"]) if device is None else device
        net = state_for(net, device)
        # The net is the one that was fitted, whatever parameters were set since.
        params_now = self.get_params(deep=False)
        self.__dict__.update(self._fitted_params)
        module = self._build_module(net["seed"]).to(getattr(torch, net["dtype"]))
        if net["half"] is not None:
            module.keep(net["half"])
        self.net_ = self._make_net(module, device, net["seed"], callbacks=None).initialize()
        self.__dict__.update(params_now)
        load_net_state(self.net_, net)
