"""What all autoencoders share is described once, in AutoencoderTransformer."""

import inspect
import re
from itertools import pairwise

_HEADING = re.compile(r"^(\w[\w ]*)\n-+\n", re.MULTILINE)
_ENTRY = re.compile(r"^(?=\S)", re.MULTILINE)


def described_like(origin):
    """Return a class decorator that completes a docstring with what another class says.

    A variant describes the parameters and attributes that are its own, or mean something else
    in it. The others come from `origin`, parameters in the order of the signature.

    Parameters
    ----------
    origin : type
        The class whose docstring describes all that is shared.
    """
    shared = inspect.cleandoc(origin.__doc__)

    def describe(variant):
        doc = inspect.cleandoc(variant.__doc__)
        parameters = _entries(shared, "Parameters") | _entries(doc, "Parameters")
        order = inspect.signature(variant).parameters
        doc = _replaced(doc, "Parameters", [parameters[name] for name in order])
        attributes = _entries(shared, "Attributes") | _entries(doc, "Attributes")
        variant.__doc__ = _replaced(doc, "Attributes", attributes.values())
        return variant

    return describe


def _span(doc, section):
    """Return where the entries of a section begin and end."""
    headings = [*_HEADING.finditer(doc), None]
    for heading, following in pairwise(headings):
        if heading[1] == section:
            return heading.end(), following.start() if following else len(doc)
    raise ValueError(f"The docstring has no section {section!r}.")


def _entries(doc, section):
    """Return the entries of a section by name."""
    start, end = _span(doc, section)
    entries = [entry.rstrip() for entry in _ENTRY.split(doc[start:end]) if entry.strip()]
    return {entry.split(" : ")[0]: entry for entry in entries}


def _replaced(doc, section, entries):
    start, end = _span(doc, section)
    return doc[:start] + "\n".join(entries) + "\n\n" + doc[end:]
