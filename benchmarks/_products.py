"""The matrix products of a dense autoencoder and nothing else, in buffers made once.

They are the floor of the speed benchmark: no way to train or to run the network that multiplies
the same matrices can be faster.
"""

import itertools

import torch

# Rows that are encoded at a time: the fastest of 64 to 100,000.
CHUNK = 1024


class Chain:
    """Linear layers one after the other, on random rows.

    Parameters
    ----------
    widths : tuple of int
        Widths from the first layer's input to the last layer's output.
    batch_size : int
        Rows.
    sees_data : bool
        Whether the first layer's input is data, so that nobody needs its gradient.
    """

    def __init__(self, widths, batch_size, sees_data):
        self.weights = [torch.randn(o, i) / i**0.5 for i, o in itertools.pairwise(widths)]
        self.rows = [torch.randn(batch_size, width) for width in widths]
        self.deltas = [torch.randn(batch_size, width) for width in widths]
        self.gradients = [torch.empty_like(weight) for weight in self.weights]
        self.sees_data = sees_data

    def forward(self):
        """Multiply the rows with the weights of each layer."""
        for i, weight in enumerate(self.weights):
            torch.mm(self.rows[i], weight.t(), out=self.rows[i + 1])

    def backward(self):
        """Multiply for the gradients of the weights and of the inputs of each layer."""
        for i in reversed(range(len(self.weights))):
            torch.mm(self.deltas[i + 1].t(), self.rows[i], out=self.gradients[i])
            if i or not self.sees_data:
                torch.mm(self.deltas[i + 1], self.weights[i], out=self.deltas[i])


def training_products(sizes, batch_size, linear_path=False):
    """Return a function of a number of steps that does their products.

    Parameters
    ----------
    sizes : tuple of int
        Widths of the encoder, from the input to the code; the decoder mirrors it.
    batch_size : int
        Rows in a batch.
    linear_path : bool, default=False
        Whether encoder and decoder have a linear path beside the deep one.
    """
    chains = [Chain((*sizes, *sizes[-2::-1]), batch_size, sees_data=True)]
    if linear_path:
        n_features, n_components = sizes[0], sizes[-1]
        chains.append(Chain((n_features, n_components), batch_size, sees_data=True))
        chains.append(Chain((n_components, n_features), batch_size, sees_data=False))

    def run(n_steps):
        for _ in range(n_steps):
            for chain in chains:
                chain.forward()
            for chain in chains:
                chain.backward()

    return run


def encoder_products(sizes, n_samples):
    """Return a function that does the products of an encoder with a linear path."""
    deep = Chain(sizes, CHUNK, sees_data=True)
    linear = Chain((sizes[0], sizes[-1]), CHUNK, sees_data=True)

    def run():
        for _ in range(-(-n_samples // CHUNK)):
            deep.forward()
            linear.forward()

    return run
