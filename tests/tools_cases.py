"""A model of a table with columns of several types, behind each tool that answers with it."""

from contextlib import ExitStack

import numpy as np
import onnx
import pandas as pd
from onnx_cases import session_of
from serving_cases import data_of, infer, running

import skae
from skae import AutoencoderClassifier, AutoencoderOutlierDetector, AutoencoderTransformer
from skae._fitted import reconstruct
from skae.cli import main

# The numbers that all models answer but for codes, by the kind of model.
NUMBERS = {"autoencoder": "score", "detector": "score", "classifier": "probability"}
COMMANDS = {"score": ["score"], "probability": ["predict", "--probability"]}
LABELS = np.tile(np.array(["a", "b", "b", -1], dtype=object), 15)
SMALL = {"hidden_layer_sizes": (), "max_iter": 3, "random_state": 0}
MODELS = {
    "autoencoder": lambda: AutoencoderTransformer(2, **SMALL),
    "detector": lambda: AutoencoderOutlierDetector(
        AutoencoderTransformer(2, **SMALL), n_estimators=1, cv=2, random_state=0
    ),
    "classifier": lambda: AutoencoderClassifier(
        AutoencoderTransformer(2, **SMALL), max_iter=2, n_propagations=0, random_state=0
    ),
}
TYPES = {"i": "INT64", "u": "INT64", "f": "FP64", "b": "BOOL", "O": "BYTES"}


def table(n_rows=60):
    """Numbers, text, truth values and dates; only "income" and "city" have gaps."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=n_rows)
    frame = pd.DataFrame(
        {
            "age": np.round(40 + 10 * a).astype(int),
            "income": np.round(np.exp(a), 3),
            "city": np.array(["Rome", "Oslo", "007"])[np.digitize(a, [-0.5, 0.5])],
            "member": a + rng.normal(size=n_rows) > 0,
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(np.round(99 * a), unit="D"),
        }
    ).astype({"city": object, "since": "datetime64[us]"})
    frame.loc[::7, "income"] = np.nan
    frame.loc[3::7, "city"] = None
    return frame


class InPython:
    """The estimator itself, or as it comes out of its file."""

    def __init__(self, model, numbers):
        self._model, self._numbers = model, numbers

    def __call__(self, frame):
        model = self._model
        method = {"score": "score_samples", "probability": "predict_proba"}[self._numbers]
        found = {"codes": model.transform(frame), "reconstruction": reconstruct(model, frame)}
        return found | {self._numbers: getattr(model, method)(frame)}


class OnTheCommandLine:
    """CSV files, there and back."""

    def __init__(self, model, folder, numbers):
        self._model, self._numbers = model, numbers
        self._in, self._out = folder / "in.csv", folder / "out.csv"

    def __call__(self, frame):
        frame.to_csv(self._in, index=False)
        columns = self._ask(*COMMANDS[self._numbers]).filter(regex=f"^{self._numbers}")
        back = self._ask("reconstruct", dtype={"city": str}, parse_dates=["since"])
        found = {"codes": self._ask("transform").to_numpy(), "reconstruction": back}
        numbers = columns.to_numpy()
        return found | {self._numbers: numbers[:, 0] if self._numbers == "score" else numbers}

    def _ask(self, command, *options, **how):
        main([command, str(self._model), str(self._in), "--out", str(self._out), *options])
        return pd.read_csv(self._out, **how)


class AsGraphs:
    """A graph for each answer; each column is an input."""

    def __init__(self, graphs):
        self._sessions = {name: session_of(graph) for name, graph in graphs.items()}

    def __call__(self, frame):
        feeds = {name: arrays[0][:, None] for name, *arrays in cells_of(frame)}
        found = {}
        for name, session in self._sessions.items():
            values = session.run(None, feeds)
            found[name] = values[0]
            if name == "reconstruction":
                names = [output.name for output in session.get_outputs()]
                found[name] = decoded(dict(zip(names, values, strict=True)))
        return found


class Served:
    """Servers, one for each of these models, asked in JSON with a tensor for each column."""

    def __init__(self, ports, numbers):
        self._ports, self._numbers = ports, numbers

    def __call__(self, frame):
        tensors = []
        for name, values, datatype in cells_of(frame):
            kind = bool if datatype == "BOOL" else lambda value: value
            cells = values.tolist()
            data = [None if value != value or value == "" else kind(value) for value in cells]
            shape = [len(data), 1]
            tensors.append({"name": name, "datatype": datatype, "shape": shape, "data": data})
        found = {}
        for port in self._ports:
            status, _, answer = infer(port, *tensors)
            if status != 200:
                raise ValueError(answer["error"])
            found |= data_of(answer)
        answers = {name: found.pop(name) for name in ("codes", self._numbers)}
        return answers | {"reconstruction": decoded(found)}


def cells_of(frame):
    """Yield the name, the cells and the datatype of each column, as it is, as a client sends it."""
    for name, column in frame.items():
        datatype = TYPES.get(column.dtype.kind, "BYTES")
        if column.dtype.kind == "M":
            column, datatype = (column - pd.Timestamp(0)).dt.total_seconds(), "FP64"
        elif pd.api.types.infer_dtype(column) == "boolean":
            column, datatype = column.astype(bool if column.notna().all() else float), "BOOL"
        elif datatype == "BYTES":
            column = column.astype(str).astype(object).where(column.notna(), "")
        yield name, column.to_numpy(), datatype


def decoded(outputs):
    """The outputs of the columns as a table."""
    back = pd.DataFrame(
        {
            name.removeprefix("reconstruction_"): cells[:, 0]
            for name, cells in outputs.items()
            if name.startswith("reconstruction_")
        }
    )
    return back.assign(since=pd.to_datetime(back["since"], unit="s"))


def start_all(kind, folder):
    """Return the tools by name, and what stops them."""
    numbers = NUMBERS[kind]
    answers = ("codes", numbers, "reconstruction")
    model = MODELS[kind]()
    model.fit(table(), LABELS) if kind == "classifier" else model.fit(table())
    skae.save(model, folder / "m.skae")
    graphs = {name: skae.to_onnx(model, table(), name) for name in answers}
    for name, graph in graphs.items():
        onnx.save(graph, folder / f"{name}.onnx")
    stack = ExitStack()
    of_file = stack.enter_context(running(folder / "m.skae"))
    of_graphs = [stack.enter_context(running(folder / f"{name}.onnx")) for name in answers]
    tools = {
        "python": InPython(model, numbers),
        "file": InPython(skae.load(folder / "m.skae"), numbers),
        "command line": OnTheCommandLine(folder / "m.skae", folder, numbers),
        "graph": AsGraphs(graphs),
        "server": Served([of_file], numbers),
        "server of a graph": Served(of_graphs, numbers),
    }
    return tools, stack
