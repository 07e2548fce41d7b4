"""The architecture: which part of the package may import what, read from its source."""

import ast
import importlib
import sys
from functools import cache
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator, OutlierMixin, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from skorch import NeuralNet

import skae

PACKAGE = Path(skae.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
WINGS = (
    "networks",
    "objectives",
    "engine",
    "tables",
    "estimators",
    "detection",
    "imputation",
    "supervised",
    "model_selection",
    "windows",
    "inspection",
    "comparison",
    "displays",
    "reporting",
)
# What is below all wings: it imports nothing of skae.
FOUNDATION = (
    "_atomic",
    "_batch",
    "_chunks",
    "_compat",
    "_exact_dtype",
    "_extras",
    "_fitted",
    "_log_rates",
    "_progress",
    "_shared_batch",
    "_threads",
    "_typing",
    "_warnings",
)
MAX_LINES = 400
# These import no private modules of other wings.
TOOLS = {"inspection", "comparison", "displays", "reporting"}

# What each wing must not import; a prefix stands for all that is below it.
FORBIDDEN = {
    "networks": ["sklearn", "skorch"],
    "objectives": ["sklearn", "skorch"],
    "engine": ["sklearn"],
    "tables": ["skorch"],
    "estimators": ["skorch"],
    "detection": ["skorch"],
    "imputation": ["skorch"],
    "supervised": ["skorch"],
    "model_selection": ["skorch", "torch"],
    "windows": ["skorch", "torch"],
    "inspection": ["skorch", "torch"],
    "comparison": ["skorch", "torch"],
    "displays": ["skorch", "torch"],
    "reporting": ["skorch", "torch"],
}

# The wings that each wing may import.
BELOW = {
    **dict.fromkeys(FOUNDATION, ()),
    "networks": (),
    "objectives": (),
    "engine": (),
    "tables": (),
    "estimators": ("engine", "objectives", "networks", "tables"),
    "detection": ("estimators", "engine", "objectives", "networks", "tables"),
    "imputation": ("estimators", "engine", "objectives", "networks", "tables"),
    "supervised": ("estimators", "engine", "objectives", "networks", "tables"),
    "model_selection": ("engine",),
    "windows": ("estimators", "tables"),
    # Tools read fitted estimators by their public methods.
    "inspection": ("tables",),
    "comparison": ("inspection", "tables"),
    "displays": ("inspection", "detection", "imputation", "supervised", "estimators", "tables"),
    "reporting": (
        "displays",
        "inspection",
        "detection",
        "imputation",
        "supervised",
        "windows",
        "estimators",
        "tables",
    ),
}


def name_of(path):
    """The module name of a file of the package, and whether it is a package itself."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    return ".".join(parts[:-1] if is_package else parts), is_package


def imports_of(source, module, is_package=False):
    """Yield the full dotted name of everything that a source imports, anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                base = module.split(".")
                base = base[: len(base) - node.level + is_package]
                origin = ".".join(base + ([origin] if origin else []))
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def is_below(name, prefix):
    return name == prefix or name.startswith(prefix + ".")


def violations(source, module, is_package=False):
    """What a module of the package imports against the rules of its wing."""
    wing = module.split(".")[1] if "." in module else ""
    found = []
    for name in imports_of(source, module, is_package):
        forbidden = any(is_below(name, prefix) for prefix in FORBIDDEN.get(wing, ()))
        if wing in BELOW and is_below(name, "skae"):
            imported = name.removeprefix("skae").removeprefix(".").split(".")[0]
            forbidden |= imported not in {wing, *BELOW[wing], *FOUNDATION}
            if wing in TOOLS and imported not in {wing, *FOUNDATION}:
                forbidden |= any(part.startswith("_") for part in name.split(".")[2:])
        if forbidden:
            found.append(f"{module} imports {name}")
        library, *below = name.split(".")
        private = any(part.startswith("_") and not part.endswith("__") for part in below)
        if private and library in ("sklearn", "skorch") and module != "skae._compat":
            found.append(f"{module} imports {name}, which is private")
        if library == "skorch" and wing != "engine" and module != "skae._compat":
            found.append(f"{module} imports {name} outside the engine")
    return found


def test_each_module_imports_only_what_its_wing_may():
    assert [one for path in FILES for one in violations(path.read_text(), *name_of(path))] == []


def test_the_check_finds_a_planted_violation():
    planted = [
        ("skae.networks._x", "import sklearn.base"),
        ("skae.networks._x", "from skae.objectives import LOSSES"),
        ("skae.networks._x", "from ..objectives import LOSSES"),
        ("skae.networks._x", "from .. import estimators"),
        ("skae.objectives._x", "def f():\n    from skorch import NeuralNet"),
        ("skae.objectives._x", "import skae"),
        ("skae.engine._x", "from skae.networks import Autoencoder"),
        ("skae.engine._x", "from sklearn.utils import check_array"),
        ("skae.estimators._x", "import skorch"),
        ("skae.estimators._x", "from sklearn.base import _fit_context"),
        ("skae.estimators._x", "from sklearn.utils._param_validation import Interval"),
        ("skae.engine._x", "from skorch.callbacks._x import Callback"),
        ("skae.engine._x", "from skae.tables import ScaledRows"),
        ("skae.tables._x", "from skae.engine import resolve_device"),
        ("skae.estimators._x", "from skae.detection import DriftDetector"),
        ("skae._chunks", "from skae.tables import ScaledRows"),
        ("skae.displays._x", "from skorch import NeuralNet"),
        ("skae.displays._x", "import torch"),
        ("skae.displays._x", "from skae.engine import CHUNK"),
        ("skae.displays._x", "from skae.reporting import report"),
        ("skae.reporting._x", "import torch"),
        ("skae.reporting._x", "from skae.displays._axes import one_axes"),
        ("skae.inspection._x", "from skae.displays import DriftDisplay"),
        ("skae.comparison._x", "from skae.reporting import Report"),
    ]
    assert [one for one in planted if not violations(one[1], one[0])] == []


def test_the_check_lets_pass_what_is_allowed():
    allowed = [
        ("skae.networks._x", "import torch\nfrom ._layers import Linear"),
        ("skae.networks._x", "from skae.networks import Network"),
        ("skae.engine._x", "from skorch.callbacks import Callback\nfrom . import _rows"),
        ("skae.tables._x", "from skae._chunks import slices"),
        ("skae.detection._x", "from skae.estimators import DenoisingAutoencoder"),
        (
            "skae.estimators._x",
            "from skae.engine import CHUNK\nfrom . import _base",
        ),
        ("skae._compat", "from sklearn.base import _fit_context"),
    ]
    assert [found for module, source in allowed for found in violations(source, module)] == []


@cache
def private_names_of_libraries():
    """Private attributes of the classes of scikit-learn and skorch that we build on."""
    classes = (
        BaseEstimator,
        OutlierMixin,
        TransformerMixin,
        Pipeline,
        ColumnTransformer,
        NeuralNet,
    )
    names = {name for cls in classes for name in dir(cls)}
    private = {name for name in names if name.startswith("_") and not name.startswith("__")}
    # Left on estimators by set_output and by metadata routing. `_fit` is a name of anybody's, and
    # `_repr_html_` is that of notebooks.
    added = {"_sklearn_output_config", "_metadata_request"}
    return (private | added) - {"_fit", "_repr_html_"}


def private_attributes_in(source):
    """Yield the private names of scikit-learn and skorch that a source uses or defines."""
    private = private_names_of_libraries()
    for node in ast.walk(ast.parse(source)):
        for field in ("attr", "name", "value"):
            name = getattr(node, field, None)
            if isinstance(name, str) and name in private:
                yield name


def test_private_attributes_of_libraries_stand_in_one_file():
    found = {path: [*private_attributes_in(path.read_text())] for path in FILES}
    assert {path.name for path, names in found.items() if names} == {"_compat.py"}, found


def test_the_check_finds_planted_private_attributes():
    source = "net._set_training(True)\ndef _validate_params(self): ...\ndel d['_metadata_request']"
    expected = ["_set_training", "_validate_params", "_metadata_request"]
    assert sorted(private_attributes_in(source)) == sorted(expected)


def test_there_is_something_in_every_wing():
    # Or the checks above would pass on a package that moved elsewhere.
    for wing in WINGS:
        assert len([path for path in FILES if path.parent == PACKAGE / wing]) > 1


def test_files_stay_short():
    lengths = {name_of(path)[0]: len(path.read_text().splitlines()) for path in FILES}
    assert {name: length for name, length in lengths.items() if length > MAX_LINES} == {}


@pytest.mark.parametrize("name", ["skae", *(f"skae.{wing}" for wing in WINGS)])
def test_all_names_exactly_what_is_public(name):
    module = importlib.import_module(name)
    tree = ast.parse(Path(module.__file__).read_text())
    imported = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    exported = getattr(module, "__all__", [])
    assert set(exported) == {public for public in imported if not public.startswith("_")}
    assert len(exported) == len(set(exported))
    assert all(hasattr(module, public) for public in exported)


def test_importing_the_package_needs_no_extra():
    # Packages of the extras may only be imported inside the function that needs them.
    standard = sys.stdlib_module_names
    core = {
        "numpy",
        "scipy",
        "sklearn",
        "torch",
        "skorch",
        "pandas",
        "narwhals",
        "joblib",
        "tqdm",
        "skae",
    }
    core |= {"safetensors"}
    for path in FILES:
        for node in ast.parse(path.read_text()).body:
            top = ast.unparse(node) if isinstance(node, ast.Import | ast.ImportFrom) else ""
            for name in imports_of(top, *name_of(path)):
                assert name.split(".")[0] in core | standard, f"{path.name}: {name}"
