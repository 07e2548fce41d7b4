"""Docstrings: complete, in numpydoc's form, and true to the signatures and fitted attributes."""

import importlib
import inspect
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpydoc.docscrape import ClassDoc, NumpyDocString
from numpydoc.validate import validate
from sklearn.base import BaseEstimator
from sklearn.utils import get_tags

import skae
from skae import displays

WINGS = (
    "skae.comparison",
    "skae.displays",
    "skae.imputation",
    "skae.model_selection",
    "skae.networks",
    "skae.onnx",
    "skae.persistence",
    "skae.reporting",
    "skae.serving",
    "skae.supervised",
    "skae.windows",
)
REFERENCE = Path(__file__).parents[1] / "docs" / "api.rst"
PUBLIC = [getattr(skae, name) for name in skae.__all__]
ESTIMATORS = [c for c in PUBLIC if isinstance(c, type) and issubclass(c, BaseEstimator)]

# Codes of numpydoc that are not asked for, the first four as in scikit-learn:
IGNORED = {
    "RT02",  # names of returned values help, and are allowed
    "GL01",  # the summary starts on the line of the quotes
    "GL02",  # a closing quote may follow a one-line summary
    "ES01",  # a good summary often is enough
    "GL03",  # counts the blank line before a comment in the source
    "YD01",  # yields of a generator are described, without a name
}
# These are asked of the classes that users construct only.
FOR_ESTIMATORS = {
    "SA01",  # See Also
    "EX01",  # Examples
}
# The wings are read by developers: there a summary in one line says enough about a method whose
# arguments are torch's or skorch's; once there are sections, they must be complete.
SECTION_OF = {"PR01": "Parameters", "RT01": "Returns"}
# Nor need they describe again a returned value that the summary described.
FOR_USERS = {"RT03"}


def public_objects():
    """Yield the import path of all that is public, with each class's own public methods."""
    for module_name in ("skae", *WINGS):
        module = importlib.import_module(module_name)
        for name in module.__all__:
            obj = getattr(module, name)
            if not (inspect.isclass(obj) or inspect.isfunction(obj)):
                continue
            yield f"{module_name}.{name}"
            if not inspect.isclass(obj):
                continue
            for method_name, method in inspect.getmembers(obj, callable):
                ours = str(getattr(method, "__module__", "")).split(".")[0] == "skae"
                if ours and not method_name.startswith("_") and not inspect.isclass(method):
                    yield f"{module_name}.{name}.{method_name}"


OBJECTS = sorted(set(public_objects()))


def errors_of(path):
    result = validate(path)
    # Displays are made by users, too.
    path_of_users = path.removeprefix("skae.displays.").removeprefix("skae.")
    is_estimator = path_of_users.split(".")[0] in {*skae.__all__, *displays.__all__}
    is_class = path_of_users.count(".") == 0
    for code, message in result["errors"]:
        if code in IGNORED or (code in FOR_ESTIMATORS and not (is_estimator and is_class)):
            continue
        if code in FOR_USERS and not is_estimator:
            continue
        section = SECTION_OF.get(code)
        if section and not is_estimator and section not in result["docstring"]:
            continue
        yield f"{path}: {code}: {message}"


def test_docstrings_are_valid():
    assert [error for path in OBJECTS for error in errors_of(path)] == []


def test_there_is_something_to_validate():
    # Or the test above would pass on names that moved elsewhere.
    assert "skae.AutoencoderTransformer.partial_fit" in OBJECTS
    assert "skae.networks.DenseNetwork.build_encoder" in OBJECTS


def test_the_validation_finds_what_is_wrong():
    # The control: a method of skorch whose parameters are not described by these rules.
    assert any("PR" in error for error in errors_of("skae.engine.AutoencoderNet.forward_iter"))


def test_all_that_the_reference_lists_has_an_example():
    names = re.findall(r"^   ([\w.]+)$", REFERENCE.read_text(), re.MULTILINE)
    assert len(names) > 40
    without = set()
    for name in names:
        module, _, attribute = f"skae.{name}".rpartition(".")
        text = inspect.getdoc(getattr(importlib.import_module(module), attribute))
        sections = NumpyDocString(text)
        if not (">>>" in "".join(sections["Examples"]) and sections["See Also"]):
            without.add(name)
    # An error has no example, and users meet it in those of `load`.
    assert without <= {"ModelFileError"}


def plain(text):
    """One kind of quotes, one kind of spaces."""
    return re.sub(r"\s+", " ", text.replace("'", '"').replace("\\", ""))


def default_of(parameter):
    value = parameter.default
    if value is parameter.empty:
        return lambda text: "default" not in text
    if isinstance(value, float) and math.isnan(value):
        return lambda text: text.endswith("default=np.nan")
    if isinstance(value, float):
        # 0.002 may be written 2e-3.
        return lambda text: float(re.search(r"default=([\d.e+-]+)", text)[1]) == value
    return lambda text: text.endswith(plain(f"default={value!r}"))


def test_parameters_are_documented_with_their_defaults():
    wrong = []
    for estimator in ESTIMATORS:
        documented = {p.name: plain(p.type) for p in ClassDoc(estimator)["Parameters"]}
        parameters = inspect.signature(estimator).parameters
        assert list(documented) == list(parameters), estimator
        for name, parameter in parameters.items():
            if not default_of(parameter)(documented[name]):
                wrong.append((estimator.__name__, name, documented[name], parameter.default))
    assert wrong == []


def test_choices_are_documented():
    # Every string that a parameter accepts stands in its type line.
    missing = []
    for estimator in ESTIMATORS:
        documented = {p.name: plain(p.type) for p in ClassDoc(estimator)["Parameters"]}
        for name, constraints in estimator._parameter_constraints.items():
            options = {option for one in constraints for option in getattr(one, "options", ())}
            absent = {option for option in options if f'"{option}"' not in documented[name]}
            missing += [(estimator.__name__, name, option) for option in absent]
    assert missing == []


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_fitted_attributes_are_documented(estimator):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.uniform(size=(120, 5)), columns=list("abcde"))
    parameters = inspect.signature(estimator).parameters
    autoencoder = skae.AutoencoderTransformer(max_iter=2, random_state=0)
    if "model" in parameters or estimator in (skae.Encoder, skae.Decoder):
        made = estimator(autoencoder.fit(X))
    elif "autoencoder" in parameters:
        few = {name: 2 for name in ("n_estimators", "max_iter") if name in parameters}
        made = estimator(autoencoder, **few)
    else:
        rounds = 0 if estimator is skae.AutoencoderImputer else 2
        made = estimator(max_iter=rounds, random_state=0)
        if "conditional" in parameters:
            made.set_params(conditional=True)
    # A reference of drift must not be the training rows.
    needs_labels = "conditional" in parameters or get_tags(made).target_tags.required
    labels = {"y": np.arange(120) % 2} if needs_labels else {}
    fitted = made.fit(X + 0.1 if "model" in parameters else X, **labels)
    public = {name for name in vars(fitted) if re.fullmatch(r"[a-z]\w*_", name)}
    public |= {name for name in vars(estimator) if name in ("n_features_in_", "feature_names_in_")}
    documented = {attribute.name for attribute in ClassDoc(estimator)["Attributes"]}
    assert documented == public
    assert all(attribute.type and attribute.desc for attribute in ClassDoc(estimator)["Attributes"])
