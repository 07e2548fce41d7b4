"""What a process does in which nothing of ONNX was imported yet."""

import sys

from skae import AutoencoderTransformer, to_onnx


def ask_without_skl2onnx():
    """Print why there is no graph if skl2onnx is not installed."""
    assert not any("onnx" in name.split(".")[0] for name in sys.modules if name != __name__)
    sys.modules["skl2onnx"] = None
    try:
        to_onnx(AutoencoderTransformer(), [[0]])
    except ImportError as error:
        print(error)
