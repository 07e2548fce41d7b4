"""Types of attributes that name other attributes, as in "ndarray of shape (n_features_in_,)".

In reStructuredText a name that ends in an underscore is a link. People read docstrings in a
terminal, too: the backslash is added here, not there.
"""

import re

_TYPE = re.compile(r"^(\w+ : )(.+)$")
_LINK = re.compile(r"(?<![`\\])\b(\w+)_(?=\W|$)")


def escape_types(app, what, name, obj, options, lines):
    """Escape underscores in the types of a docstring (a listener to autodoc)."""
    for i, line in enumerate(lines):
        if found := _TYPE.match(line):
            lines[i] = found[1] + _LINK.sub(r"\1\\_", found[2])
