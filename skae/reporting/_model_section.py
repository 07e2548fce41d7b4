"""The section about the estimator itself."""

import platform
from collections.abc import Iterator
from importlib.metadata import version
from inspect import signature
from typing import Any

import numpy as np
from sklearn import config_context

from ._parts import Cell, Highlight, Section, Table
from ._subject import Subject
from ._words import listed, number, percent, shortened

_LIBRARIES = "skae", "scikit-learn", "torch", "skorch", "numpy"
# Most characters of the value of a parameter.
_LONGEST = 600


def model_section(subject: Subject) -> Section:
    """Return what the estimator is."""
    section = Section("Model")
    last = subject.last
    facts = [(name, Cell(str(value))) for name, value in _facts(subject)]
    section.parts.append(Table("The fitted estimator", [], facts))
    rows = [
        [Cell(name, is_code=True), Cell(value, is_code=True)] for name, value in _changed(subject)
    ]
    if rows:
        caption = "Parameters that differ from their defaults"
        section.parts.append(Table(caption, ["Parameter", "Value"], rows))
    else:
        section.say("All parameters have their defaults.")
    width = getattr(subject.autoencoder, "n_components_", None)
    if width is not None:
        section.highlights.append(Highlight(str(width), "components of the code"))
    if hasattr(last, "offset_"):
        section.highlights.append(Highlight(number(last.offset_), "threshold of the score"))
    return section


def _changed(subject: Subject) -> Iterator[tuple[str, str]]:
    """Yield parameters that differ from their defaults, with their values."""
    for step_name, step in subject.steps:
        if step in (None, "passthrough"):
            continue
        prefix = f"{step_name}__" if step_name else ""
        defaults = signature(type(step).__init__).parameters
        for name, value in step.get_params(deep=False).items():
            default = defaults[name].default if name in defaults else None
            with config_context(print_changed_only=True):
                is_changed, text = repr(value) != repr(default), repr(value)
            if is_changed:
                # The indentation is for screens of another width.
                yield prefix + name, shortened(" ".join(text.split()), _LONGEST)


def _facts(subject: Subject) -> Iterator[tuple[str, Any]]:
    last, autoencoder = subject.last, subject.autoencoder
    yield "Class", subject.name
    if len(subject.steps) > 1:
        yield "Steps", " → ".join(type(step).__name__ for _, step in subject.steps)
    if subject.kind == "drift":
        yield "Reference", f"{getattr(last, 'n_reference_', len(last.scores_)):,} rows"
        yield "Rate of false alarms", percent(last.alpha)
    if hasattr(last, "n_features_in_"):
        names = getattr(last, "feature_names_in_", None)
        named = "" if names is None else f" ({listed([str(name) for name in names])})"
        yield "Columns in fit", f"{last.n_features_in_:,}{named}"
    n_rows = _n_training_rows(last, autoencoder)
    if n_rows is not None:
        yield "Training rows", f"{n_rows:,}"
    if hasattr(last, "classes_"):
        yield "Classes", f"{len(last.classes_)} ({listed(list(map(str, last.classes_)))})"
    members = getattr(last, "estimators_", [autoencoder])
    if len(members) > 1:
        yield "Members of the ensemble", len(members)
    if hasattr(members[0], "network_"):
        yield "Widths", _widths(members[0])
    nets = [member.net_ for member in members if hasattr(member, "net_")]
    weights = [weight for net in nets for weight in net.module_.parameters()]
    if weights:
        n_bytes = sum(weight.numel() * weight.element_size() for weight in weights)
        yield "Weights", f"{sum(w.numel() for w in weights):,} ({n_bytes / 1024:,.0f} KiB)"
    yield from _results(last, autoencoder)
    versions = [f"{name} {version(name)}" for name in _LIBRARIES]
    yield "Report made with", ", ".join([*versions, f"Python {platform.python_version()}"])


def _results(last: Any, autoencoder: Any) -> Iterator[tuple[str, Any]]:
    """Yield what the training came to."""
    if getattr(last, "n_iter_", None) is not None:
        is_imputer = hasattr(last, "indicator_features_")
        yield "Rounds of networks" if is_imputer else "Epochs", last.n_iter_
    if hasattr(last, "loss_"):
        yield "Loss of the training rows", number(last.loss_)
    if getattr(autoencoder, "best_validation_loss_", None) is not None:
        yield "Best loss of held-out rows", number(autoencoder.best_validation_loss_)
    if hasattr(last, "offset_"):
        yield "Threshold", f"outliers score below {number(last.offset_)}"
        yield "Held-out rows for p-values", f"{last.n_calibration_:,}"
        yield "Blatant outliers in training", percent(last.contamination_)


def _n_training_rows(last: Any, autoencoder: Any) -> int | None:
    """Return the number of rows that codes were scaled by; weights have a mean of one."""
    if hasattr(last, "n_samples_seen_"):
        return int(last.n_samples_seen_)
    moments = getattr(autoencoder, "_code_moments", None)
    return None if moments is None else int(np.rint(moments[0]))


def _widths(autoencoder: Any) -> str:
    network, n_columns = autoencoder.network_, autoencoder.n_features_in_
    code = f"{autoencoder.n_components_} (code)"
    shape = getattr(network, "image_shape", None) or getattr(network, "window_shape", None)
    hidden = [str(width) for width in getattr(network, "hidden_layer_sizes", ())]
    if type(network).__name__ == "DenseNetwork":
        columns = f"{n_columns} columns"
        return " → ".join([columns, *hidden, code, *hidden[::-1], columns])
    rows = " x ".join(map(str, shape)) if shape else f"{n_columns} values"
    return f"{rows} → {type(network).__name__} → {code} → {type(network).__name__} → {rows}"
