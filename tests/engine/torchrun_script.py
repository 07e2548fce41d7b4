"""The script that a test starts with torchrun; its argument is the model file."""

import sys

import torch.distributed as dist
from rank_processes import tables

import skae

dist.init_process_group()
ae = skae.AutoencoderTransformer(3, init="random", max_iter=3, random_state=0)
ae.fit(tables()[0]["rows"])
if dist.get_rank() == 0:
    skae.save(ae, sys.argv[1])
dist.destroy_process_group()
