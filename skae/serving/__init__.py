"""Fitted models that answer requests of the Open Inference Protocol over HTTP."""

from ._app import make_app
from ._server import serve

__all__ = ["make_app", "serve"]
