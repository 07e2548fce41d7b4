"""Graphs for ONNX runtimes; importing this registers skae's estimators with skl2onnx."""

from ._converters import register

register()
