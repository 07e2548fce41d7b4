"""Answers of a checkout, to the bit, to compare with those of another one.

``python -m benchmarks.answers FILE.npz`` trains everything in small and writes what it answers. To
record another checkout: ``PYTHONPATH=CHECKOUT python benchmarks/answers.py FILE.npz``.
``python -m benchmarks.compared_answers A.npz B.npz`` lists what differs.
"""

import argparse
import pickle
import random
import re
import tempfile
import time
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import torch
from scipy.sparse import csr_array, csr_matrix  # noqa: F401  for text, as those below
from sklearn import datasets, decomposition, model_selection, pipeline, preprocessing  # noqa: F401
from skorch import callbacks
from threadpoolctl import threadpool_limits

import skae
from skae.networks import ConvolutionalNetwork, DenseNetwork, Network, SequenceNetwork  # noqa: F401

FILES, FOLDER = Path(__file__).resolve().parents[1] / "tests/data", tempfile.TemporaryDirectory()


def draw(n_samples, n_features, seed):
    """Draw columns that come from three, and noise."""
    rng, mixing = np.random.default_rng(seed), np.random.default_rng(0).normal(size=(3, n_features))
    return rng.normal(size=(n_samples, 3)) @ mixing + 0.3 * rng.normal(size=(n_samples, n_features))


def mapped(X):
    """Map a table from a file."""
    path = Path(FOLDER.name, f"{X.dtype}.npy")
    np.lib.format.open_memmap(path, "w+", X.dtype, X.shape)[:] = X
    return np.lib.format.open_memmap(path, "r")


DIGITS, IRIS = datasets.load_digits().data, datasets.load_iris(as_frame=True).data
UNIT, ROWS = DIGITS[:260] / 16, DIGITS[1700:1721] / 16
IMAGES, COLOURS, WINDOWS = (UNIT.reshape(-1, *s) for s in ((8, 8), (8, 4, 2), (16, 4)))
DRAWN, NEW = draw(301, 8, 1), np.r_[draw(40, 8, 2), np.random.default_rng(3).normal(size=(9, 8))]
SHARES, COUNTS = np.random.default_rng(3).uniform(size=3000), np.arange(3000) % 4
OLD, WITH_NAN = np.random.RandomState(1).uniform(size=(40, 4)), np.where(UNIT == 1, np.nan, UNIT)

SMALL = {"n_components": 3, "hidden_layer_sizes": (12, 6), "max_iter": 4, "random_state": 0}
transformer = partial(skae.AutoencoderTransformer, **SMALL)
denoising = partial(skae.DenoisingAutoencoder, **SMALL)
sparse = partial(skae.SparseAutoencoder, **SMALL | {"n_components": 20, "hidden_layer_sizes": ()})
contractive = partial(skae.ContractiveAutoencoder, **SMALL)
nested = partial(skae.NestedAutoencoder, **SMALL)
variational = partial(skae.VariationalAutoencoder, **SMALL, n_draws=5)
adversarial = partial(skae.AdversarialAutoencoder, **SMALL, discriminator_layer_sizes=(8,))
convolutional = partial(skae.ConvolutionalAutoencoder, **SMALL, channels=(3, 4))
KINDS = "transformer denoising sparse contractive nested variational adversarial convolutional"
detector = partial(skae.AutoencoderOutlierDetector, n_estimators=3, random_state=0)
drift = partial(skae.DriftDetector, n_permutations=99, random_state=0)


@dataclass
class OwnNetwork(Network):
    """A network that a user wrote: its layers draw from torch's global generator."""

    width: int = 10

    def build_encoder(self, n_features, n_outputs, generator):
        nn, width = torch.nn, self.width
        hidden = nn.Linear(n_features, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.2)
        return nn.Sequential(*hidden, nn.Linear(width, n_outputs))

    build_decoder = build_encoder


class Watcher(callbacks.Callback):
    """Writes down what callbacks are told of gradients, batches and rows."""

    def __init__(self):
        self.told_ = []

    def on_grad_computed(self, net, named_parameters=None, **kwargs):
        self.told_ += [float(p.grad.square().sum()) for _, p in named_parameters]

    def on_batch_end(self, net, batch=None, training=None, loss=None, y_pred=None, **kwargs):
        self.told_ += [training, float(loss), float(batch[0].sum()), float(y_pred.sum())]


def restored(name):
    """Load a file of an earlier version; train on where the model can be."""
    m = skae.load(FILES / name)
    return trained(m, OLD, OLD, AGAIN if hasattr(m, "partial_fit") else "m")


def entries(text):
    """Divide text at semicolons and ends of lines."""
    return [entry.strip() for entry in text.replace("\n", ";").split(";") if entry.strip()]


def trained(m, X, rows=None, steps="m.fit(X)"):
    """Train a model in steps, which are Python too; ask it after each of them."""
    found = {}
    for step in entries(steps):
        result = eval(step, globals() | {"m": m, "X": X})
        found[step] = ask(m, X[:21] if rows is None else rows) | learned(m)
        found[step] |= {"result": result} if isinstance(result, pd.DataFrame) else {}
    return found


def copies(model, X, rows):
    """Ask copies of a model, train them all on, and ask again."""
    streams, path = hasattr(model.fit(X), "partial_fit"), Path(FOLDER.name, "model.skae")
    skae.save(model.partial_fit(X[:50]) if streams else model, path)
    models = {"model": model, "pickle": pickle.loads(pickle.dumps(model)), "file": skae.load(path)}
    found = {}
    for name, one in models.items():
        found[name] = ask(one, rows) | learned(one)
        if streams:
            found[f"{name}, trained on"] = ask(one.partial_fit(X[50:120]), rows) | learned(one)
    return found


def graph(model, X, rows, output="codes", quantize=False):
    """Convert a model to ONNX; return what the graph gives."""
    made = skae.to_onnx(model.fit(X), X[:60], output, quantize=quantize).SerializeToString()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return {output: onnxruntime.InferenceSession(made, options).run(None, {"X": rows})[0]}


METHODS = "transform reconstruct score_samples score elbo jacobian_norm decision_function predict"
SKIPPED = "net_ estimators_ encoder_ decoder_ best_estimator_ cv_results_ refit_time_"


def ask(model, rows):
    """Ask a model all that it answers of rows; a decoder, of codes."""
    rows = rows[:, : model.n_features_in_] if isinstance(model, skae.Decoder) else rows
    found = {name: getattr(model, name)(rows) for name in METHODS.split() if hasattr(model, name)}
    if "transform" in found:
        found["transform of one row"] = model.transform(rows[:1])
    if hasattr(model, "get_feature_names_out"):
        found["names"] = model.get_feature_names_out()
    if hasattr(model, "inverse_transform"):
        found["inverse_transform"] = model.inverse_transform(found.get("transform", rows))
    if hasattr(model, "sample"):
        found["sample"] = model.sample(5, random_state=0)
    if hasattr(model, "test"):
        result = model.test(rows)
        found |= {"drift": result.drift, "p_value": result.p_value, "tests": result.tests}
    if hasattr(model, "p_values"):
        found |= {"p_values": model.p_values(rows), "select": model.select(rows, fdr=0.3)}
    return found


def learned(model):
    """Return public attributes, history and weights of a model, and of its members."""
    names = [n for n in dir(model) if n.endswith("_") and n[0] != "_" and n not in SKIPPED.split()]
    found = {"attributes": {n: getattr(model, n) for n in names if hasattr(model, n)}}
    if hasattr(model, "net_"):
        history, state = model.net_.history, model.net_.module_.state_dict()
        batches = [batch for epoch in history for batch in epoch["batches"]]
        found["history"] = numbers_in(history) | {"batches": numbers_in(batches)}
        found["weights"] = {name: state[name] for name in sorted(state)}
        told = [np.array(getattr(one, "told_", []), float) for _, one in model.net_.callbacks_]
        found["told"] = np.concatenate([*told, []])
    for i, member in enumerate(getattr(model, "estimators_", [])):
        found[f"member {i}"] = {n: learned(member)[n] for n in ("history", "weights")}
    return found


def numbers_in(records):
    """Return the numbers of a history by name, but for durations."""
    kinds = (bool, int, float, np.generic)
    names = {n for record in records for n, value in record.items() if isinstance(value, kinds)}
    return {n: [r[n] for r in records if n in r] for n in sorted(names - {"dur"})}


def flat(key, value):
    """Yield the arrays of an answer, under keys that say where they come from."""
    if isinstance(value, pd.DataFrame):
        cells = {str(name): value.iloc[:, i].to_numpy() for i, name in enumerate(value)}
        value = {"index": [*map(str, value.index)], "columns": [*cells]} | cells
    if isinstance(value, dict):
        for name, part in value.items():
            yield from flat(f"{key}/{name}", part)
    else:
        array = np.asarray(value.detach() if isinstance(value, torch.Tensor) else value)
        yield key, array.astype(str) if array.dtype == object else array


# A case is Python as text, which is its name, too. Semicolons divide steps, and cases.
WEIGHTS = """m.fit(X, sample_weight=1 + COUNTS[:len(X)]); m.fit(X, sample_weight=SHARES[:len(X)])
m.fit(X, sample_weight=COUNTS[:len(X)]); m.partial_fit(X[:40], sample_weight=SHARES[:40])"""
STREAM = """m.partial_fit(X[:100]); m.partial_fit(X[i : i + 70] for i in (0, 70, 140))
m.partial_fit(X[100:137]); m.set_params(warm_start=True).fit(X)"""
LONG = """m.fit(X); m.set_params(warm_start=True).fit(X); m.fit(X[::-1] * 0.9); m.partial_fit(X)"""
AGAIN = "m; m.partial_fit(X[:90])"
JUDGED = """m.fit(X); m.set_contamination(0.2); m.recalibrate(X[:60], sample_weight=SHARES[:60])
m.partial_fit(X[:101]); m.partial_fit(X[101:160], sample_weight=COUNTS[:59]); m.explain(X[:2])"""
PARAMETERS = """init="pca"; init="random"; init="random", loss="log_loss"
init="random", loss="poisson"; loss="absolute_error"; loss="huber"; loss="log_loss"; loss="poisson"
optimizer="adamw"; optimizer="sgd"; optimizer="rmsprop"; optimizer=torch.optim.NAdam
learning_rate="constant"; learning_rate="cosine"; learning_rate="plateau"; random_state=None
activation="relu"; activation="leaky_relu"; activation="elu"; activation="gelu"; activation="tanh"
activation="logistic"; activation="identity"; normalization="batch"; normalization="layer"
n_components=1; n_components=70; n_components=0.8; n_components="auto"; max_grad_norm=0.1
hidden_layer_sizes=(); hidden_layer_sizes=(9,); hidden_layer_sizes=5; batch_size=7; batch_size=999
early_stopping=False; early_stopping=True; early_stopping="auto", validation_fraction=0.3
alpha=0.001; alpha=0.001, l1_ratio=0.5; alpha=0.001, l1_ratio=1.0; precision="tf32"
alpha=0.01, l1_ratio=1.0, optimizer="sgd"; alpha=0.01, l1_ratio=1.0, optimizer="rmsprop"
dropout=0.2; dropout=0.2, normalization="batch", early_stopping=True; dropout=0.2, batch_size=999
precision="bfloat16"; precision="bfloat16", hidden_layer_sizes=(), init="random"; standardize=False
standardize=False, loss="log_loss", early_stopping=True
learning_rate="constant", early_stopping=True, max_iter=20, n_iter_no_change=1, tol=0.1
learning_rate="constant", early_stopping=False, max_iter=20, n_iter_no_change=1, tol=0.1
learning_rate="plateau", max_iter=20, n_iter_no_change=3, tol=0.1
callbacks=[Watcher()], early_stopping=True; callbacks=[callbacks.GradientNormClipping(0.1)]
callbacks=[callbacks.EpochScoring(lambda net, X, y: net.predict(X).std(), name="valid_spread")]
callbacks=[callbacks.EpochScoring(lambda net, X, y: np.asarray(X).std(), on_train=True, name="e")]
callbacks=[callbacks.EarlyStopping(monitor="valid_loss", patience=1)], max_iter=9
callbacks=[callbacks.LRScheduler(torch.optim.lr_scheduler.StepLR, step_size=1)]
callbacks=[callbacks.LRScheduler(torch.optim.lr_scheduler.StepLR, step_size=3, step_every="batch")]
callbacks=[callbacks.Freezer("encoder*")]; callbacks=[Watcher()]"""
OPTIONS = """denoising(noise="salt_and_pepper"); denoising(noise="swap")
denoising(noise="gaussian"); denoising(noise="salt_and_pepper", loss="poisson")
denoising(loss="log_loss", noise_level=0.9); convolutional(normalization="batch", init="pca")
denoising(noise=lambda x, generator: x + 0.1 * torch.randn(x.shape, generator=generator))
sparse(penalty="top_k"); sparse(penalty="batch_top_k"); sparse(penalty="l1"); sparse(penalty="kl")
sparse(penalty="top_k", hidden_layer_sizes=(9,)); sparse(penalty="kl", penalty_strength=1.0)
sparse(penalty="batch_top_k", hidden_layer_sizes=(9,)); sparse(penalty="l1", hidden_layer_sizes=9)
sparse(penalty="kl", hidden_layer_sizes=9); sparse(penalty="l1", penalty_strength=0.1, loss="huber")
sparse(penalty="batch_top_k", n_nonzero_coefs=2, batch_size=9); sparse(n_nonzero_coefs=2)
sparse(penalty="kl", target_activation=0.2, loss="log_loss"); contractive(contraction=0)
contractive(contraction=0, hidden_layer_sizes=()); contractive(contraction=0, hidden_layer_sizes=9)
contractive(hidden_layer_sizes=()); contractive(hidden_layer_sizes=9); contractive(contraction=0.3)
nested(n_components=6); nested(n_components=6, init="random", loss="huber"); variational(n_draws=1)
variational(noise_variance=0.05); variational(noise_variance=0.05, init="random")
variational(beta=0.0, kl_warm_up=0.0); variational(beta=4.0, kl_warm_up=1.0)
variational(free_bits=0.1, n_components=8); variational(free_bits=0.5, loss="log_loss")
adversarial(prior="uniform"); adversarial(prior="mixture"); adversarial(adversarial_weight=0.0)
adversarial(discriminator_layer_sizes=()); adversarial(prior="mixture", adversarial_weight=2.0)
convolutional(image_shape=(8, 8)); convolutional(image_shape=(4, 4, 4), channels=(5,))"""
TABLES = """DIGITS[:260]; UNIT.astype(np.float32); torch.tensor(UNIT); DIGITS[:260].astype(int)
IRIS; csr_matrix(UNIT); csr_array(UNIT.astype(np.float32)); mapped(draw(400, 9, 5)); draw(100, 1, 3)
mapped(draw(400, 12, 4).astype(np.float32)); draw(3000, 30, 2); np.c_[draw(200, 5, 3), np.ones(200)]
draw(20, 50, 3); 1e6 + draw(200, 7, 3); np.asfortranarray(draw(200, 7, 8))
draw(120, 2100, 7).astype(np.float32); csr_matrix(np.maximum(draw(120, 2100, 6) - 3, 0))"""
NETWORKS = """ConvolutionalNetwork(channels=(3, 4), hidden_layer_sizes=(6,))), IMAGES
ConvolutionalNetwork(channels=(3,), normalization="batch", activation="relu")), COLOURS
ConvolutionalNetwork((16, 4), (3, 4), (), kernel_size=3)), UNIT
SequenceNetwork(channels=(3, 4), hidden_layer_sizes=(6,))), WINDOWS
SequenceNetwork((32, 2), channels=(3,), activation="tanh", normalization="batch")), UNIT
SequenceNetwork(kind="gru", hidden_size=7)), WINDOWS
SequenceNetwork(kind="gru", hidden_size=9), init="random"), UNIT[:, :20]
DenseNetwork((9,), "tanh", 0.1, "layer")), UNIT; OwnNetwork()), UNIT"""
EVERY = """trained(KIND.func(max_iter=3, random_state=0), DIGITS[:600])
trained(KIND(), UNIT, ROWS, WEIGHTS); trained(KIND(early_stopping=True), UNIT, ROWS, WEIGHTS)
trained(KIND(), UNIT, ROWS, STREAM); trained(KIND(early_stopping=True), UNIT, ROWS, LONG)
trained(KIND(), draw(40, 6, 1), None, WEIGHTS)
trained(KIND(), mapped(draw(300, 9, 5)), None, WEIGHTS); copies(KIND(), UNIT, ROWS)
copies(KIND().fit(UNIT).encoder_, UNIT, ROWS); copies(KIND().fit(UNIT).decoder_, UNIT, ROWS)
trained(KIND(), csr_matrix(UNIT), None, "m.fit(X, sample_weight=COUNTS[:260])")
trained(KIND(random_state=np.random.RandomState(5)).set_output(transform="pandas"), IRIS)
trained(KIND(), UNIT, ROWS, "torch.set_default_dtype(torch.float64) or m.fit(X)")
trained(KIND(), UNIT, ROWS, "torch.inference_mode()(m.fit)(X)")
trained(detector(KIND()), DRAWN, NEW, JUDGED); trained(drift(KIND().fit(DRAWN)), NEW, -NEW)"""
DETECTORS = """scoring="mahalanobis"; scoring="reconstruction"; contamination=0.1; contamination=0.5
cv=2; max_samples=90; max_samples=0.5; n_estimators=1; n_estimators=7, cv=3"""
OTHERS = """trained(transformer.func(random_state=0), DIGITS[:300]); graph(nested(), UNIT, ROWS)
trained(detector.func(), DRAWN[:200], NEW); trained(detector(), DRAWN, NEW, JUDGED)
trained(detector(scoring="likelihood"), DRAWN, NEW, JUDGED); trained(detector(transformer()), IRIS)
trained(detector(sparse()), csr_matrix(UNIT), ROWS, JUDGED)
trained(detector(transformer()), torch.tensor(DRAWN).float(), NEW, WEIGHTS)
trained(transformer(max_iter=1), draw(21500, 200, 9).astype(np.float32))
trained(transformer(n_components=0.9), draw(60, 2100, 7)); copies(transformer(), IRIS, IRIS[:9])
graph(pipeline.make_pipeline(preprocessing.StandardScaler(), transformer()), UNIT, ROWS)
graph(transformer(), UNIT, ROWS, quantize=True); graph(detector(transformer()), DRAWN, NEW, "score")
graph(transformer(), UNIT, ROWS, "reconstruction"); graph(sparse(), UNIT, ROWS, "score")
graph(variational(), UNIT, ROWS, "score"); graph(convolutional(), UNIT, ROWS, "score")
graph(detector(nested()), DRAWN, NEW, "p_value"); copies(detector(transformer()), DRAWN, NEW)
copies(transformer(optimizer="rmsprop"), UNIT, ROWS)
copies(sparse(penalty="batch_top_k"), UNIT, ROWS); copies(sparse(penalty="kl"), UNIT, ROWS)
copies(transformer(optimizer="sgd", dropout=0.2, normalization="batch"), UNIT, ROWS)
copies(denoising(network=SequenceNetwork(kind="gru"), noise="swap"), WINDOWS, WINDOWS[:9])
copies(drift(transformer().fit(DRAWN)), NEW, DRAWN[:50])
trained(drift(decomposition.PCA(3).fit(DRAWN)), NEW, DRAWN[:60])
trained(drift(detector(transformer()).fit(DRAWN), alpha=0.1, max_samples=20), NEW, DRAWN[:50])
trained(nested(n_components=5).fit(UNIT).truncate(1), UNIT, ROWS, AGAIN)
trained(nested(n_components=5, standardize=False).fit(UNIT).truncate(3), UNIT, ROWS, AGAIN)
trained(model_selection.GridSearchCV(transformer(), {"n_components": [2, 4]}, cv=2), UNIT, ROWS)"""
# What is refused, or warned of. FIT and JUDGE are fitted models.
MESSAGES = """transformer().fit(WITH_NAN); FIT.transform(WITH_NAN); FIT.transform(UNIT[:, :5])
FIT.fit(UNIT[0]); FIT.fit(UNIT[:0]); FIT.fit(3); FIT.fit("a.csv"); FIT.fit(UNIT * 1e300)
FIT.fit(IRIS.astype(str) + "x"); transformer().fit(IRIS).transform(IRIS[IRIS.columns[::-1]])
transformer().score(UNIT); FIT.inverse_transform(UNIT); FIT.fit(UNIT, UNIT * 2); FIT.fit(IMAGES)
FIT.set_params(a=1); FIT.fit(UNIT, sample_weight=SHARES); FIT.partial_fit(iter([]))
FIT.fit(UNIT, sample_weight=-SHARES[:260]); FIT.fit(UNIT, sample_weight=0 * COUNTS[:260])
FIT.partial_fit(iter([UNIT]), sample_weight=SHARES); FIT.fit(UNIT * np.r_[1e6, np.ones(63)])
FIT.set_params(warm_start=True, n_components=2).fit(UNIT); nested().fit(UNIT).truncate(9)
transformer(early_stopping=True).fit(UNIT[:9]); contractive().fit(UNIT).partial_fit(UNIT[:1])
convolutional().fit(np.moveaxis(COLOURS, 3, 1)); JUDGE.set_contamination(0.9)
JUDGE.recalibrate(NEW[:9]); JUDGE.select(NEW, 0.001); drift(FIT).fit(UNIT).test(UNIT[:1])
skae.load(FILES / "answers_1.npz"); skae.load("absent.skae"); skae.save(transformer(), "no.skae")
skae.load(FILES / "sparse_1.skae", expected_sha256="0"); skae.to_onnx(FIT, UNIT, "scores")"""
REFUSED = """transformer(loss="mse"); transformer(activation="swish"); transformer(n_components=0)
transformer(dropout=1.5); transformer(optimizer="nadam"); transformer(hidden_layer_sizes=(0,))
transformer(normalization="batch", batch_size=1); transformer(callbacks=[3]); drift(transformer())
transformer(learning_rate_init=1e30, optimizer="sgd"); drift(3); transformer(network=DenseNetwork)
transformer(network=SequenceNetwork((3, 3))); convolutional(image_shape=9); denoising(noise_level=2)
denoising(noise=lambda x, g: x[:1]); sparse(penalty="l1", network=ConvolutionalNetwork())
variational(noise_variance=1e30); variational(beta=1e6)
detector(transformer(), scoring="likelihood")"""


def cases():
    """Yield what is evaluated."""
    for kind in KINDS.split():
        params = eval(kind)().get_params().keys()
        known = [p for p in entries(PARAMETERS) if eval(f"dict({p})").keys() <= params]
        yield from (f"trained({kind}({p}), UNIT, ROWS)" for p in known)
        yield from (text.replace("KIND", kind) for text in entries(EVERY))
        yield from (f"trained({kind}(max_iter=2), {table})" for table in entries(TABLES))
        if "network" in params:
            yield from (f"trained({kind}(network={pair})" for pair in entries(NETWORKS))
    yield from (f"trained({text}, UNIT, ROWS, WEIGHTS)" for text in entries(OPTIONS))
    yield from (f"trained(detector(transformer({p})), UNIT, ROWS)" for p in entries(PARAMETERS))
    for text in entries(DETECTORS):
        yield f"trained(detector(transformer(hidden_layer_sizes=6), {text}), DRAWN, NEW, JUDGED)"
    for path in sorted(FILES.glob("*.skae")):
        yield f'restored("{path.name}")'
    for name in skae.__all__:
        if hasattr(getattr(skae, name), "get_params"):
            model = f"skae.{name}({'None' * (name in ('Encoder', 'Decoder', 'DriftDetector'))})"
            yield f'{{"params": sorted(map(str, {model}.get_params(deep=False).items()))}}'
    yield from entries(OTHERS)
    for text in (*entries(MESSAGES), *(f"{text}.fit(UNIT)" for text in entries(REFUSED))):
        text = text.replace("JUDGE", "detector(transformer()).fit(DRAWN)")
        yield text.replace("FIT", "transformer().fit(UNIT)")


def answers_of(case):
    """Evaluate a case; return its arrays, and what was raised and warned as messages."""
    random.seed(0), np.random.seed(0), torch.manual_seed(0)  # noqa: NPY002
    found, said = None, []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = eval(case)
        except Exception as error:
            said = [f"{type(error).__name__}: {error}"]
    torch.set_default_dtype(torch.float32)
    said += [f"{one.category.__name__}: {one.message}" for one in caught]
    said = [re.sub(r"0x\w+|{.*?}", "...", words) for words in said]
    drawn = [random.random(), np.random.random(), torch.rand(()).item()]  # noqa: NPY002
    found = dict(flat(case, found)) if isinstance(found, dict) else {}
    return found | {f"{case}/generators": drawn, f"messages/{case}": np.array(said, dtype=str)}


def record(path, only):
    """Write the answers of all cases whose names hold some text."""
    torch.set_num_threads(1)
    print("recording", skae.__file__)
    arrays, start = {"messages/checkout": np.array(skae.__file__)}, time.process_time()
    with threadpool_limits(1):
        for case in (case for case in cases() if only in case):
            arrays |= answers_of(case)
            print(f"{time.process_time() - start:7.2f} s", case, *arrays[f"messages/{case}"])
    np.savez(path, **arrays)
    print(len(arrays), "arrays in", round(time.process_time() - start), "s of the processor")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", help="FILE.npz")
    parser.add_argument("--only", default="", help="record cases whose names hold this")
    given = parser.parse_args()
    record(given.file, given.only)
