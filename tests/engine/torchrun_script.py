"""The script that a test starts with torchrun; its argument is the model file."""

import sys

import torch.distributed as dist
from rank_processes import tables

import skae


def main(path):
    """Train together, and save the model once."""
    dist.init_process_group()
    ae = skae.AutoencoderTransformer(3, init="random", max_iter=3, random_state=0)
    ae.fit(tables()[0]["rows"])
    if dist.get_rank() == 0:
        skae.save(ae, path)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1])
