"""
From a notebook to production
=============================

An outlier detector goes to a file that is safe to load, to an ONNX graph, and to a server
(``pip install "skae[onnx,serve]"``). All of them give the same scores.
"""

import json
import os
import re
import subprocess
import sys
import urllib.request
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer

import skae

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime

X, y = load_breast_cancer(return_X_y=True)
X_train, X_new = X[y == 1][:250], np.vstack([X[y == 1][250:300], X[y == 0][:50]])
detector = skae.AutoencoderOutlierDetector(random_state=0).fit(X_train)
scores = {"notebook": detector.score_samples(X_new)}

folder = TemporaryDirectory()
file = f"{folder.name}/tumours.skae"
digest = skae.save(detector, file)
scores["file"] = skae.load(file, expected_sha256=digest).score_samples(X_new)

graph = skae.to_onnx(detector, X_train[:2], output="score")
session = onnxruntime.InferenceSession(graph.SerializeToString())
scores["graph"] = session.run(None, {session.get_inputs()[0].name: X_new})[0]

# ``skae serve`` answers any client of KServe or Triton. On port 0 it chooses a free one.
command = [sys.executable, "-m", "skae", "serve", file, "--port", "0"]
with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
    said = (re.search(r"http://[\d.:]+", line) for line in server.stderr or ())
    address = next(filter(None, said))[0]
    rows = {"name": "input", "shape": X_new.shape, "datatype": "FP64", "data": X_new.tolist()}
    question = json.dumps({"inputs": [rows], "outputs": [{"name": "score"}]}).encode()
    with urllib.request.urlopen(f"{address}/v2/models/tumours/infer", question) as answer:
        scores["server"] = np.array(json.load(answer)["outputs"][0]["data"])
    server.terminate()
folder.cleanup()

figure, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
for size, (name, found) in zip((11, 8, 5, 2), scores.items(), strict=True):
    far = np.max(np.abs(found / scores["notebook"] - 1))
    axes.semilogy(-found, "o", markersize=size, label=f"{name}: largest difference {far:.0e}")
axes.set(xlabel="50 benign tumours, 50 malignant ones", ylabel="how unusual (minus score)")
axes.legend()
figure.savefig("production.png", dpi=80)

# sphinx_gallery_thumbnail_path = "../examples/pictures/production.png"
