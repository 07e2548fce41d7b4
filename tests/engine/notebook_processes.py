"""What a process does that tqdm takes for a notebook."""

import importlib
import sys


def _begin():
    """Forget what may import tqdm, and be a notebook without widgets."""
    for name in [*sys.modules]:
        if name.split(".")[0] in ("skae", "skorch", "tqdm"):
            del sys.modules[name]
    # JupyterLite, of which this module is a sign.
    sys.modules["IPython.utils._process_emscripten"] = sys
    # As if it was not installed.
    sys.modules["ipywidgets"] = None


def import_tqdm_and_fit():
    """Import tqdm, then skae in the same state, and show a progress bar."""
    _begin()
    importlib.import_module("tqdm.auto")
    print("tqdm is imported", file=sys.stderr)
    _begin()
    skae = importlib.import_module("skae")
    print("skae is imported", file=sys.stderr)
    skae.AutoencoderTransformer(1, max_iter=3, verbose=1).fit([[0.0, 1], [1, 0], [2, 2]])
