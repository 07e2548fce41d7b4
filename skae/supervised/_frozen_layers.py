"""The layers of an encoder that a supervised training leaves as they are."""

from typing import Any

from torch import nn

from skae.networks import WithLinearPath, leaves_of


def frozen_modules(autoencoder: Any, freeze: int | str | None) -> list[nn.Module]:
    """Return the modules of an `Autoencoder` that `freeze` names: its encoder, or layers of it."""
    if freeze is None or freeze == 0:
        return []
    if freeze == "encoder":
        return [autoencoder.encoder, autoencoder.latent]
    _, encoder = autoencoder.encoder_parts
    beside: list[Any] = []
    if isinstance(encoder, WithLinearPath):
        # It leads from the input to the codes, past the layers.
        encoder, beside = encoder.deep, [encoder.linear]
    leaves = leaves_of(encoder)
    layers = [i for i, leaf in enumerate(leaves) if _is_layer(leaf)]
    if int(freeze) > len(layers):
        raise ValueError(
            f"freeze={freeze} is more than the {len(layers)} layers of the encoder. Use at most "
            f"that, or freeze='encoder'."
        )
    # Normalisation and activation belong to the layer before them.
    end = layers[int(freeze)] if int(freeze) < len(layers) else len(leaves)
    return [*leaves[:end], *beside]


def _is_layer(leaf: nn.Module) -> bool:
    return any(parameter.ndim > 1 for parameter in leaf.parameters())
