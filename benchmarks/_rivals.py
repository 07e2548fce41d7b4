"""Ways to train one and the same dense autoencoder, for the speed benchmark."""

import itertools

import torch
from sklearn.neural_network import MLPRegressor
from skorch import NeuralNetRegressor
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from skae import AutoencoderTransformer

RATE = 1e-3


def skae(X, sizes, batch_size, n_epochs, device="cpu", precision="float32", init="random"):
    """Fit the transformer as a plain network, so that it does what the others do."""
    AutoencoderTransformer(
        sizes[-1],
        hidden_layer_sizes=sizes[1:-1],
        activation="relu",
        init=init,
        early_stopping=False,
        learning_rate="constant",
        n_iter_no_change=n_epochs,
        learning_rate_init=RATE,
        batch_size=batch_size,
        max_iter=n_epochs,
        random_state=0,
        device=device,
        precision=precision,
    ).fit(X)


def scikit_learn(X, sizes, batch_size, n_epochs):
    """Fit a regressor of X on X."""
    MLPRegressor(
        hidden_layer_sizes=(*sizes[1:], *sizes[-2:0:-1]),
        learning_rate_init=RATE,
        batch_size=batch_size,
        max_iter=n_epochs,
        n_iter_no_change=n_epochs,
        random_state=0,
    ).fit(X, X)


def network(sizes):
    """Return the autoencoder of these widths, from the input to the code, in torch."""
    widths = (*sizes, *sizes[-2::-1])
    layers = []
    for n_in, n_out in itertools.pairwise(widths):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def skorch(X, sizes, batch_size, n_epochs, device="cpu"):
    """Fit skorch's regressor with its defaults, but without held-out rows."""
    NeuralNetRegressor(
        network(sizes),
        optimizer=torch.optim.Adam,
        lr=RATE,
        batch_size=batch_size,
        max_epochs=n_epochs,
        train_split=None,
        verbose=0,
        device=device,
    ).fit(X, X)


def textbook(X, sizes, batch_size, n_epochs):
    """Run the loop of a textbook."""
    model = network(sizes)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    loader = DataLoader(TensorDataset(torch.from_numpy(X)), batch_size=batch_size, shuffle=True)
    for _ in range(n_epochs):
        total = 0.0
        for (x,) in loader:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(x), x)
            loss.backward()
            optimizer.step()
            total += loss.item()


def pyod(X, sizes, batch_size, n_epochs):
    """Fit PyOD's detector."""
    from pyod.models.auto_encoder import AutoEncoder

    AutoEncoder(
        hidden_neuron_list=list(sizes[1:]),
        batch_norm=False,
        dropout_rate=0.0,
        preprocessing=False,
        lr=RATE,
        batch_size=batch_size,
        epoch_num=n_epochs,
        device="cpu",
        verbose=0,
    ).fit(X)


def cuda_graph(X, sizes, batch_size, n_epochs):
    """Run a loop written by hand for a GPU: resident rows, the whole step one CUDA graph."""
    rows = torch.from_numpy(X).cuda()
    model = network(sizes).cuda()
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE, fused=True, capturable=True)
    indices = torch.arange(batch_size, device="cuda")
    total = torch.zeros((), device="cuda")

    def step():
        optimizer.zero_grad(set_to_none=True)
        x = rows.index_select(0, indices)
        loss = nn.functional.mse_loss(model(x), x)
        loss.backward()
        optimizer.step()
        total.add_(loss.detach())

    # torch asks for a few steps on a stream of their own before it records one.
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    for _ in range(n_epochs):
        total.zero_()
        for batch in torch.randperm(len(rows), device="cuda").split(batch_size):
            if len(batch) == batch_size:
                indices.copy_(batch)
                graph.replay()
        total.item()
