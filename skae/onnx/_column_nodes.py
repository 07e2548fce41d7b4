"""Nodes between the columns of the caller's table and the rows of numbers that networks see."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from skae._extras import require
from skae.tables import COLUMNS_KEY, GAPS_KEY, PlainColumn, PlainTable
from skae.tables.columns import CategoryColumn

from ._graphs import Graph, name_batches, with_names

# The operator set of ONNX in which text is looked up, and the oldest version that does.
ML_DOMAIN, ML_OPSET = "ai.onnx.ml", 2


class Nodes:
    """Nodes and constants of a graph, all of whose names begin with a prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, operator: str, *inputs: Any, **attributes: Any) -> str:
        """Add a node, and return the name of what it gives; arrays become constants."""
        onnx = require("onnx", "onnx")
        name = f"{self._prefix}{len(self.nodes)}"
        names = [one if isinstance(one, str) else self._constant(one) for one in inputs]
        self.nodes.append(onnx.helper.make_node(operator, names, [name], name, **attributes))
        return name

    def cast(self, value: str, dtype: np.dtype) -> str:
        """Return a value in another type."""
        helper = require("onnx", "onnx").helper
        return self.add("Cast", value, to=helper.np_dtype_to_tensor_dtype(dtype))

    def _constant(self, values: Any) -> str:
        name = f"{self._prefix}constant_{len(self.constants)}"
        helper = require("onnx", "onnx").numpy_helper
        self.constants.append(helper.from_array(np.asarray(values), name))
        return name


def encoded(nodes: Nodes, table: PlainTable, inputs: Sequence[str]) -> str:
    """Return rows of numbers, codes of categories and NaN, given the columns of the caller."""
    columns = [_codes(nodes, one, name) for one, name in zip(table.columns, inputs, strict=True)]
    return nodes.add("Concat", *columns, axis=1)


def decoded(nodes: Nodes, table: PlainTable, rows: str) -> list[str]:
    """Return the columns of the caller, given decoded rows of numbers and codes."""
    columns = []
    for i, one in enumerate(table.columns):
        cells = nodes.add("Gather", rows, np.array([i]), axis=1)
        if isinstance(one.column, CategoryColumn):
            shown = [one.column.levels[place] for place in one.column.shown]
            levels = np.array(shown, dtype=one.decoded_dtype)
            cells = nodes.add("Gather", levels, nodes.cast(cells, np.dtype(np.int64)))
        else:
            cells = nodes.cast(cells, one.decoded_dtype)
        columns.append(cells)
    return columns


def finished_columns(model: Graph, table: PlainTable, inputs: Sequence[str], output: str) -> Graph:
    """Return a copy of a graph of decoded rows that has an output for each column of the caller.

    What is "completed" has the cells of the inputs where these have a value.
    """
    onnx = require("onnx", "onnx")
    model, inside, names = with_names(model, inputs, table.outputs(output))
    graph, nodes = model.graph, Nodes(f"{inside}end/")
    found = decoded(nodes, table, graph.output[0].name)
    if output == "completed":
        cells = zip(table.columns, inputs, found, strict=True)
        found = [_kept(nodes, *one) for one in cells]
    del graph.output[:]
    for one, value, name in zip(table.columns, found, names, strict=True):
        nodes.nodes.append(onnx.helper.make_node("Identity", [value], [name]))
        element = onnx.helper.np_dtype_to_tensor_dtype(one.decoded_dtype)
        graph.output.append(onnx.helper.make_tensor_value_info(name, element, [None, 1]))
    graph.node.extend(nodes.nodes)
    graph.initializer.extend(nodes.constants)
    name_batches(graph)
    return model


def describe(graph: Graph, table: PlainTable | None, with_gaps: Sequence[str]) -> None:
    """Write into a graph what its columns are, and which inputs may have cells without a value."""
    properties = {GAPS_KEY: json.dumps(with_gaps)} if with_gaps else {}
    if table is not None:
        properties[COLUMNS_KEY] = json.dumps([one.about() for one in table.columns])
    require("onnx", "onnx").helper.set_model_props(graph, properties)


def _kept(nodes: Nodes, one: PlainColumn, given: str, filled: str) -> str:
    """Return the cells of a column as given, and as filled where they have no value."""
    if one.is_text:
        empty = {"keys_strings": [""], "values_floats": [1.0], "default_float": 0.0}
        found = nodes.add("LabelEncoder", given, domain=ML_DOMAIN, **empty)
        is_gap = nodes.cast(found, np.dtype(bool))
        return given if one.knows_empty_text else nodes.add("Where", is_gap, filled, given)
    if one.dtype.kind != "f":
        return given
    cells = nodes.add("Where", nodes.add("IsNaN", given), nodes.cast(filled, one.dtype), given)
    return nodes.cast(cells, one.decoded_dtype)


def _codes(nodes: Nodes, one: PlainColumn, name: str) -> str:
    """Return the cells of a column in float64: numbers, or codes of categories."""
    column, double = one.column, np.dtype(np.float64)
    if not isinstance(column, CategoryColumn):
        return nodes.cast(name, double)
    codes = np.asarray(column.codes, dtype=np.float64)
    if one.is_text:
        known: Iterable[tuple[Any, float]] = zip(column.levels, codes, strict=True)
        if not one.knows_empty_text:
            known = [*known, ("", np.nan)]
        keys, values = zip(*known, strict=True)
        found = nodes.add(
            "LabelEncoder",
            name,
            domain=ML_DOMAIN,
            keys_strings=list(keys),
            values_floats=list(values),
            default_float=-1.0,
        )
        return nodes.cast(found, double)
    cells = nodes.cast(name, double)
    is_level = nodes.add("Equal", cells, np.array([column.levels], dtype=np.float64))
    # One more than a code, or nothing for an unknown category.
    places = nodes.add("MatMul", nodes.cast(is_level, double), codes[:, None] + 1)
    found = nodes.add("Sub", places, np.array(1.0))
    return nodes.add("Where", nodes.add("IsNaN", cells), np.array(np.nan), found)
