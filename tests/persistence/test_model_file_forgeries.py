"""Contents that were altered do not load, also where the digest is right."""

import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from model_file_cases import TINY_ROWS, forged, refused, replaced
from model_file_processes import load_what_is_too_large
from numpy.testing import assert_array_equal
from process_cases import Process

import skae
from skae.persistence import _model_file
from skae.persistence._container import pack, unpack


def test_a_forgery_without_a_change_is_the_file(files):
    """The control of what follows: what is refused there is the change."""
    for data in files.values():
        assert forged(data, lambda manifest, arrays: None) == data


def test_json_that_says_a_thing_twice_or_no_number(files, path):
    manifest, weights = unpack(files["autoencoder"])
    twice = manifest.replace(b'{"arrays"', b'{"format":"skae model","arrays"', 1)
    refused(path, pack([twice, weights]), "digest")
    no_number = manifest.replace(b'"format_version":1', b'"format_version":1,"x":NaN')
    refused(path, pack([no_number, weights]), "not JSON compliant")
    refused(path, pack([b"[" * 10**6, weights]), "recursion")
    refused(path, pack([b"[]", weights]), "no model file of skae")
    refused(path, pack([b"\xff", weights]))
    spaced = manifest.replace(b'"format":', b'"format": ')
    refused(path, pack([spaced, weights]), "digest")


def test_a_later_format_says_what_to_do(files, path):
    def change(manifest, arrays):
        manifest["format_version"] = 2

    refused(path, forged(files["autoencoder"], change), "version 2 .* Install a later skae")


def test_a_huge_header_of_arrays_is_refused(files, path):
    manifest, weights = unpack(files["autoencoder"])
    header = json.loads(manifest)
    del header["sha256"]
    for length in (2**62, 2**32, len(weights)):
        huge = length.to_bytes(8, "little") + weights[8:]
        refused(
            path, pack([_model_file._with_digest(header, huge), huge]), "header (length|too large)"
        )


def state_of(manifest):
    return manifest["model"]["object"][1]


def set_in(manifest, name, value):
    """Set a parameter, as it is and as it was when the model was fitted."""
    state_of(manifest)[name] = value
    for pair in state_of(manifest)["_fitted_params"]["dict"]:
        if pair[0] == name:
            pair[1] = value


def rename_class(manifest, arrays):
    manifest["model"]["object"][0] = "os.system"


def no_estimator(manifest, arrays):
    manifest["model"] = state_of(manifest)["network_"]
    arrays.clear()
    manifest["arrays"] = {}


def other_class(manifest, arrays):
    manifest["model"]["object"][0] = "VariationalAutoencoder"


def other_network(manifest, arrays):
    state_of(manifest)["network_"] = {"object": ["Folds", {"n_folds": 1}]}


def with_layers(manifest, sizes):
    set_in(manifest, "hidden_layer_sizes", {"tuple": sizes})
    state_of(manifest)["network_"]["object"][1]["hidden_layer_sizes"] = {"tuple": sizes}


def larger_network(manifest, arrays):
    with_layers(manifest, [60000, 60000])


def deeper_network(manifest, arrays):
    with_layers(manifest, [3] * 20000)


def larger_and_deeper_network(manifest, arrays):
    with_layers(manifest, [2000] * 400)


def wider_layer(manifest, arrays):
    with_layers(manifest, [4])


def method_in_parameters(manifest, arrays):
    state_of(manifest)["_fitted_params"]["dict"].append(["transform", 1])


def attribute_in_parameters(manifest, arrays):
    state_of(manifest)["_fitted_params"]["dict"].append(["mean_", "evil"])


def callback(manifest, arrays):
    state_of(manifest)["callbacks"] = [state_of(manifest)["network_"]]


def half_of_one(manifest, arrays):
    for pair in state_of(manifest)["net_"]["dict"]:
        if pair[0] == "half":
            pair[1] = "encoder"


def shape_of_rows(manifest, arrays):
    state_of(manifest)["_row_shape"] = {"tuple": [-2, -2]}


def layers_that_are_text(manifest, arrays):
    state_of(manifest)["network_"]["object"][1]["hidden_layer_sizes"] = "evil"


def output_config(manifest, arrays):
    state_of(manifest)["_sklearn_output_config"] = {"dict": [["transform", "evil"]]}


def optimizer_moments(manifest, arrays):
    for pair in state_of(manifest)["net_"]["dict"]:
        if pair[0] == "optimizers":
            pair[1] = [{"dict": [["state", {"dict": [[0, {"dict": [["step", "evil"]]}]]}]]}]


def generator_that_reads_elsewhere(manifest, arrays):
    state = arrays["model/net_/generators/0"].copy()
    state[8:12].view(np.int32)[0] = state[16:24].view(np.int64)[0] = 624
    arrays["model/net_/generators/0"] = state


def rename_moment(manifest, arrays):
    """Rename one of Adam's moments of the first parameter, which its next step would not find."""
    net = dict(state_of(manifest)["net_"]["dict"])
    moments = dict(net["optimizers"][0]["dict"])["state"]["dict"][0][1]["dict"]
    next(moment for moment in moments if moment[0] == "exp_avg")[0] = "average"


def more_components(manifest, arrays):
    state_of(manifest)["n_components_"] = 10**12


def text_for_a_parameter(manifest, arrays):
    set_in(manifest, "max_iter", "many")


def unknown_parameter(manifest, arrays):
    state_of(manifest)["evil"] = 1


def missing_attribute(manifest, arrays):
    del state_of(manifest)["scale_"]


def infinite_scale(manifest, arrays):
    state_of(manifest)["scale_"] = {"float": "inf"}


def whole_number_beyond_floats(manifest, arrays):
    state_of(manifest)["scale_"] = 10**20


def unknown_kind(manifest, arrays):
    state_of(manifest)["scale_"] = {"eval": "1"}


def two_kinds(manifest, arrays):
    state_of(manifest)["scale_"] = {"float": "inf", "tuple": []}


def object_for_a_number(manifest, arrays):
    state_of(manifest)["n_iter_"] = state_of(manifest)["network_"]


def shared_array(manifest, arrays):
    state_of(manifest)["_code_moments"]["tuple"][2] = {"array": "model/_code_moments/1"}


def absent_array(manifest, arrays):
    del arrays["model/mean_"]


def promised_array(manifest, arrays):
    del arrays["model/mean_"]
    del manifest["arrays"]["model/mean_"]


def surplus_array(manifest, arrays):
    arrays["model/evil"] = np.zeros(3)
    manifest["arrays"]["model/evil"] = ["float64", [3]]


WEIGHT = "model/net_/weights/encoder.deep.0.weight"

CHANGES = [
    rename_class,
    no_estimator,
    other_class,
    other_network,
    larger_network,
    deeper_network,
    larger_and_deeper_network,
    wider_layer,
    method_in_parameters,
    attribute_in_parameters,
    callback,
    half_of_one,
    shape_of_rows,
    layers_that_are_text,
    output_config,
    optimizer_moments,
    generator_that_reads_elsewhere,
    more_components,
    text_for_a_parameter,
    unknown_parameter,
    missing_attribute,
    infinite_scale,
    whole_number_beyond_floats,
    unknown_kind,
    two_kinds,
    object_for_a_number,
    shared_array,
    absent_array,
    promised_array,
    surplus_array,
    replaced("model/mean_", np.zeros(5)),
    replaced("model/mean_", np.zeros((4, 1))),
    replaced("model/mean_", np.zeros(4, dtype=np.int64)),
    replaced(WEIGHT, np.zeros((4, 3))),
    replaced(WEIGHT, np.zeros((3, 4), dtype=np.float32)),
    replaced("model/net_/weights/code_mean", np.zeros(3)),
    replaced("model/_mixture/0", np.zeros(7)),
    replaced("model/_mixture/0", np.full(1, 0.5)),
    replaced("model/_mixture/2", np.zeros(1)),
    replaced("model/mean_", np.full(4, np.nan)),
    replaced("model/net_/generators/0", np.zeros(7, dtype=np.uint8)),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_file_with_the_right_digest_and_wrong_content_is_refused(change, files, path):
    refused(path, forged(files["autoencoder"], change))


def test_a_network_that_is_larger_than_the_file_is_never_made(files, path):
    """Such networks would take gigabytes."""
    paths = []
    for change in (larger_network, deeper_network, larger_and_deeper_network):
        paths.append(str(path.with_name(change.__name__)))
        Path(paths[-1]).write_bytes(forged(files["autoencoder"], change))
    with Process(load_what_is_too_large, paths) as process:
        errors = process.stderr.read()
        assert process.wait() == 0, errors
        assert int(process.stdout.read()) < 200


def test_a_manifest_of_many_lists_is_refused_before_it_is_parsed(files, path):
    def change(manifest, arrays):
        state_of(manifest)["loss_curve_"] = [[]] * 2**20

    refused(path, forged(files["autoencoder"], change), "manifest is too large")


def test_what_is_no_file_is_refused():
    with pytest.raises(skae.ModelFileError, match="a device or a pipe"):
        skae.load(os.devnull)


def test_one_half_is_not_the_other(files, path):
    def to_decoder(manifest, arrays):
        manifest["model"]["object"][0] = "Decoder"

    refused(path, forged(files["encoder"], to_decoder), "half is 'encoder'")
    inner = {}

    def to_whole(manifest, arrays):
        inner["model"] = manifest["model"] = state_of(manifest)["autoencoder"]

    refused(path, forged(files["encoder"], to_whole), "half is 'encoder'")
    assert inner["model"]["object"][0] == "AutoencoderTransformer"


def test_parameters_that_came_later_have_their_defaults(files, path, tiny_model):
    def change(manifest, arrays):
        state = state_of(manifest)
        del state["max_grad_norm"]
        pairs = state["_fitted_params"]["dict"]
        state["_fitted_params"]["dict"] = [pair for pair in pairs if pair[0] != "max_grad_norm"]

    path.write_bytes(forged(files["autoencoder"], change))
    loaded = skae.load(path)
    assert loaded.max_grad_norm is None
    assert_array_equal(loaded.transform(TINY_ROWS), tiny_model.transform(TINY_ROWS))
    loaded.partial_fit(TINY_ROWS)


@pytest.mark.parametrize(
    "change",
    [
        replaced("model/net_/optimizers/0/state/0/exp_avg", np.zeros(7)),
        replaced("model/net_/optimizers/0/state/0/step", np.zeros(3, dtype=np.float32)),
        replaced("model/net_/optimizers/0/state/0/step", np.array(-1, dtype=np.float32)),
        rename_moment,
    ],
    ids=lambda change: change.__name__,
)
def test_moments_of_another_network_are_refused(change, files, path):
    """Torch takes them, and the next step would fail."""
    refused(path, forged(files["stream"], change), "optimizer is of another network")


def test_random_changes_of_contents_are_refused_or_harmless(files, path):
    """Values are exchanged with others at random, under the right digest; what loads works."""
    rng = np.random.RandomState(0)
    values = [None, True, -1, 0, 10**20, 0.5, "x", [], {}, {"tuple": []}, {"dict": [["a", 1]]}]
    outcomes = {"refused": 0, "loaded": 0}
    for data in files.values():
        for _ in range(60):

            def change(manifest, arrays):
                node = manifest["model"]
                while True:
                    keys = [*node] if isinstance(node, dict) else [*range(len(node))]
                    key = keys[rng.randint(len(keys))]
                    if not isinstance(node[key], dict | list) or not node[key] or rng.rand() < 0.1:
                        break
                    node = node[key]
                node[key] = values[rng.randint(len(values))]

            path.write_bytes(forged(data, change))
            try:
                loaded = skae.load(path)
            except skae.ModelFileError:
                outcomes["refused"] += 1
                continue
            outcomes["loaded"] += 1
            with warnings.catch_warnings():
                # Sampling from what a denoiser or one member keeps may say that it cannot.
                warnings.simplefilter("ignore")
                codes = np.asarray(loaded.transform(TINY_ROWS))
                assert np.isfinite(codes).all()
                if hasattr(loaded, "score_samples"):
                    loaded.score_samples(TINY_ROWS)
                    loaded.inverse_transform(codes)
                if hasattr(loaded, "sample"):
                    loaded.sample(3, random_state=0)
    # Some values are as good as others: parameters, and what is only remembered.
    assert outcomes["refused"] > outcomes["loaded"] > 0


def test_what_is_refused_leaves_no_trace(files, path, tiny_model):
    """A good file loads after all of it."""
    path.write_bytes(files["autoencoder"])
    assert_array_equal(skae.load(path).transform(TINY_ROWS), tiny_model.transform(TINY_ROWS))
