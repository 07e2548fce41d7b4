"""Training of an autoencoder with a head: no other file here calls what is inside of estimators."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from skorch.helper import predefined_split
from torch import Tensor, nn

