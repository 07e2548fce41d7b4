"""Training and inference: skorch's net, its batches, its callbacks, devices, threads."""

from ._adversarial import AdversarialNet
from ._callbacks import held_out_need, named_callbacks, with_callback_params
from ._chunk_sizes import ChunkSizes, example_rows, largest_chunk
from ._column_losses import losses_by_column
from ._column_means import mean_output, weighted_sum
from ._devices import existing_device, resolve_device
from ._differentiable import differentiable
from ._epochs import run_epochs
from ._global_generator import global_generators_from
from ._labels import Labels
from ._lockstep import train_in_lockstep, work_of_step
from ._meeting import Meeting, present_meeting
from ._moments import merge_codes
from ._nearest_classes import nearest_classes
from ._net import AutoencoderNet
from ._optimizers import OPTIMIZERS, OptimizerName, optimizer_params, steady_rate
from ._precision import PrecisionName
from ._schedules import ScheduleName
from ._state import (
    half_of_state,
    load_net_state,
    load_optimizer_state,
    net_to_state,
    state_for,
    to_numpy,
)
from ._summary import settle
from ._torch_modes import torch_defaults
from ._training import Training
from ._training_rows import TrainingRows, to_gpu
from .distributed import ONE_RANK, OneRank, check_alike, ranks_of_process, refuse_several_ranks
from .fused import has_hooks

__all__ = [
    "ONE_RANK",
    "OPTIMIZERS",
    "AdversarialNet",
    "AutoencoderNet",
    "ChunkSizes",
    "Labels",
    "Meeting",
    "OneRank",
    "OptimizerName",
    "PrecisionName",
    "ScheduleName",
    "Training",
    "TrainingRows",
    "check_alike",
    "differentiable",
    "example_rows",
    "existing_device",
    "global_generators_from",
    "half_of_state",
    "has_hooks",
    "held_out_need",
    "largest_chunk",
    "load_net_state",
    "load_optimizer_state",
    "losses_by_column",
    "mean_output",
    "merge_codes",
    "named_callbacks",
    "nearest_classes",
    "net_to_state",
    "optimizer_params",
    "present_meeting",
    "ranks_of_process",
    "refuse_several_ranks",
    "resolve_device",
    "run_epochs",
    "settle",
    "state_for",
    "steady_rate",
    "to_gpu",
    "to_numpy",
    "torch_defaults",
    "train_in_lockstep",
    "weighted_sum",
    "with_callback_params",
    "work_of_step",
]
