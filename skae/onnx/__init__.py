"""Graphs for ONNX runtimes.

Importing this registers skae's estimators with skl2onnx, so that ``skl2onnx.to_onnx`` converts
pipelines with them. An option of skl2onnx chooses the output of one of them:
``options={id(autoencoder): {"output": "score"}}``, with "codes", "reconstruction" or "score",
"p_value" of an outlier detector, "prediction" of a classifier or regressor, or "probability". By
default an autoencoder gives its codes, an outlier detector its predictions and decisions ("label"
and "scores"), a classifier its predictions and probabilities ("label" and "probabilities", a tensor
whatever the option "zipmap" says), and a regressor its predictions ("variable"); one of these that
other steps follow needs ``{"output": "codes"}``. With ``{"single": True}`` networks that were
fitted in float64 compute in float32, which quantization needs.
"""

from ._converters import register
from ._export import OPSET
from ._runtime import inference_session

__all__ = ["OPSET", "inference_session"]

register()
