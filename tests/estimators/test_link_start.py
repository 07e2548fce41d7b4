"""A random start of a loss with a link is about as good as the column means."""

import numpy as np
import torch

from skae import AutoencoderTransformer
from skae.estimators.base import _link_start


def test_where_no_direction_helps_the_start_is_as_good_as_the_means(monkeypatch):
    """The largest of shares that are as good is taken: a weight of zero learns nothing."""
    shares, best_share = [], _link_start._best_share

    def recorded(*args):
        shares.append(best_share(*args))
        return shares[-1]

    monkeypatch.setattr(_link_start, "_best_share", recorded)
    params = {"hidden_layer_sizes": (5,), "max_iter": 1}
    # Nothing but noise, which a random network only adds to.
    rows = torch.poisson(torch.full((400, 3), 2.0), torch.Generator().manual_seed(0)).numpy()
    for seed in range(8):
        params["random_state"] = seed
        AutoencoderTransformer(1, loss="poisson", init="random", **params).fit(np.float64(rows))
    assert all(0 < share <= 1 for share in shares)
    assert min(shares) < 0.1
