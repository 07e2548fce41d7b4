"""Graphs for ONNX runtimes.

Importing this registers skae's estimators with skl2onnx, so that ``skl2onnx.to_onnx`` converts
pipelines with them. What comes out of one is chosen as any option of skl2onnx is:
``options={id(autoencoder): {"output": "score"}}``, with "codes", "reconstruction" or "score", or
"p_value" of an outlier detector. By default it is codes of an autoencoder, and predictions and
decisions ("label" and "scores") of an outlier detector, which needs ``{"output": "codes"}`` where
other steps follow it. With ``{"single": True}`` networks that were fitted in float64 compute in
float32, as runtimes for integers want it.
"""

from . import _converters
from ._export import OPSET

__all__ = ["OPSET"]

_converters.register()
