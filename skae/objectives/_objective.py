"""What the engine and the estimators ask of an objective."""

from torch import nn

from ._proximal import shrink


class Objective(nn.Module):
    """Base class of objectives: what training minimises, answered in parts.

    Subclasses define ``forward(autoencoder, x, sample_weight=None)``, which runs the network
    on a batch of scaled rows and returns a dict of named scalars that add up to the
    objective. `sample_weight` is None or has a mean of one over the rows trained on.

    Parameters
    ----------
    loss : Loss
        The reconstruction loss.
    weight_penalty : WeightPenalty
        The penalty on the weights.
    """

    def __init__(self, loss, weight_penalty):
        super().__init__()
        self.loss = loss
        self.weight_penalty = weight_penalty

    def row_losses(self, output, x):
        """Return the loss of each row, a tensor of shape (n_samples,).

        Parameters
        ----------
        output : tensor of shape (n_samples, n_features)
            What the decoder gave.
        x : tensor of shape (n_samples, n_features)
            The scaled rows that it should give.
        """
        return self.loss.function(output, x, reduction="none").mean(dim=1)

    def after_step(self, autoencoder, optimizer):
        """Do what the gradient cannot: the proximal step of an L1 penalty.

        Parameters
        ----------
        autoencoder : Autoencoder
            The network, after a step of the optimizer.
        optimizer : torch.optim.Optimizer
            That optimizer.
        """
        if self.weight_penalty.l1:
            weights = self.weight_penalty.weights(autoencoder)
            shrink(optimizer, weights, self.weight_penalty.l1)

    def after_training(self, autoencoder, batches):
        """Do what takes all rows of a fit, with the weights that are kept.

        Parameters
        ----------
        autoencoder : Autoencoder
            The network, in evaluation mode.
        batches : iterable of tuple
            All rows and their weights or None, batch by batch, as often as they are asked for.
        """
