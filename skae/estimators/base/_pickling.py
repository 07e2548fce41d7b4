"""Pickles of autoencoders, which load on any machine."""

from typing import Any

import torch

from skae.engine import (
    existing_device,
    load_net_state,
    net_to_state,
    state_for,
    to_numpy,
    torch_defaults,
)

from ._net_building import NetBuilding


class Pickling(NetBuilding):
    """Replaces the net by arrays, and builds it again around them."""

    def __getstate__(self) -> dict[str, Any]:
        """Replace net and tensors by numpy arrays, which load on any machine."""
        state = super().__getstate__()
        if "net_" in state:
            state = to_numpy({**state, "net_": net_to_state(self.net_)})
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Build the net anew around its arrays, on the CPU if its device is absent."""
        self._restore(state)

    def _restore(self, state: dict[str, Any], device: torch.device | None = None) -> None:
        """Restore a pickled state on a device, by default the one that it was made on."""
        super().__setstate__(state)
        if "net_" in state:
            self._restore_net(self.__dict__.pop("net_"), device)

    @torch_defaults()
    def _restore_net(self, net: dict[str, Any], device: torch.device | None = None) -> None:
        device = existing_device(net["device"]) if device is None else device
        net = state_for(net, device)
        # The net is the one that was fitted, whatever parameters were set since.
        params_now = self.get_params(deep=False)
        self.__dict__.update(self._fitted_params)
        module = self._build_module(net["seed"]).to(getattr(torch, net["dtype"]))
        if net["half"] is not None:
            module.keep(net["half"])
        self.net_ = self._make_net(module, device, net["seed"], callbacks=None)
        self.__dict__.update(params_now)
        load_net_state(self.net_, net)
