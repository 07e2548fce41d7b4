"""The Dockerfile and the manifest of KServe name what is there, and what the server answers."""

import inspect
import json
import re
from multiprocessing import get_context
from pathlib import Path

import pytest
import yaml
from process_cases import Process
from serving_cases import ask, log_until

import skae
from skae.cli import main
from skae.serving import _workers

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")


@pytest.fixture(scope="module")
def manifest():
    return yaml.safe_load((ROOT / "deploy" / "kserve.yaml").read_text())


@pytest.fixture(scope="module")
def container(manifest):
    (container,) = manifest["spec"]["predictor"]["containers"]
    return container


def words_of(instruction):
    """The JSON list behind an instruction of the Dockerfile."""
    return json.loads(re.search(rf"{instruction}\s+(\[.*\])", DOCKERFILE)[1])


def main_with_forks(words):
    _workers._CONTEXT = get_context("fork")
    main(words)


def test_the_server_of_the_image_answers_the_probes_of_the_manifest(
    tmp_path, autoencoder, container
):
    skae.save(autoencoder, tmp_path / "tumours.skae")
    program, *words = words_of("ENTRYPOINT")
    assert program == "skae"
    (file, *options), (port,) = container["args"], container["ports"]
    assert options[options.index("--port") + 1] == str(port["containerPort"])
    options[options.index("--port") + 1] = "0"
    arguments = [*words, str(tmp_path / Path(file).name), *options]
    with Process(main_with_forks, arguments) as server:
        line = log_until(server, "running on")[-1]
        free = int(re.search(r"http://0\.0\.0\.0:(\d+) by 2 workers", line)[1])
        for probe in ("readinessProbe", "livenessProbe"):
            asked = container[probe]["httpGet"]
            assert asked["port"] == port["containerPort"]
            assert ask(free, "GET", asked["path"])[0] == 200
        assert ask(free, "GET", "/v2/models/tumours/ready")[0] == 200
        # The health check of the image is a program; it asks the default port.
        python, flag, check = words_of("CMD")
        assert (python, flag) == ("python", "-c")
        default = inspect.signature(skae.serving.serve).parameters["port"].default
        assert f"EXPOSE {default}\n" in DOCKERFILE
        exec(check.replace(f":{default}", f":{free}"))
        with pytest.raises(OSError, match="404"):
            exec(check.replace(f":{default}/v2/health", f":{free}/v2/nothing"))


def test_the_manifest_is_one_of_kserve(manifest, container):
    """Its whole schema is that of KServe's CRD, which is not in this repository."""
    assert manifest["apiVersion"] == "serving.kserve.io/v1beta1"
    assert manifest["kind"] == "InferenceService"
    assert container["name"] == "kserve-container"
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert set(mounts) == {volume["name"] for volume in manifest["spec"]["predictor"]["volumes"]}
    assert container["args"][0].startswith(mounts["models"] + "/")
    assert container["image"].endswith(f":{skae.__version__}")


def test_the_image_is_built_from_files_that_are_there():
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    files = {file for line in copied for file in line.split()}
    assert "skae" in files
    assert all((ROOT / file).exists() for file in files)
    ignored = (ROOT / ".dockerignore").read_text().split("\n")
    assert ignored[1] == "*"
    assert {line[1:] for line in ignored if line.startswith("!")} == files
    # setuptools reads these, too.
    assert {"README.md", "LICENSE", "pyproject.toml"} <= files
