"""
From a notebook to production
=============================

Run ``python examples/production.py`` with ``pip install "skae[onnx,serve]"``: it trains an outlier
detector on measurements of benign tumours, keeps it in a file that is safe to load, makes an ONNX
graph of it, serves the file, asks the server about new tumours, and shows that all of them give
the same answers.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sklearn.datasets import load_breast_cancer

import skae

# ONNX Runtime then sends nothing, and leaves nothing in the home folder.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def load_tumours():
    """Return benign tumours to train on, and new ones of both kinds."""
    X, y = load_breast_cancer(return_X_y=True)
    benign, malignant = X[y == 1], X[y == 0]
    return benign[:250], np.vstack([benign[250:260], malignant[:10]])


def ask_graph(file, rows):
    """Return the scores that ONNX Runtime computes."""
    import onnxruntime

    session = onnxruntime.InferenceSession(file)
    return session.run(None, {session.get_inputs()[0].name: rows})[0]


def ask_server(port, rows):
    """Return what the server says of rows, as any client of KServe or Triton would ask."""
    request = {
        "inputs": [
            {"name": "input", "shape": rows.shape, "datatype": "FP64", "data": rows.tolist()}
        ],
        "outputs": [{"name": "score"}, {"name": "outlier"}],
    }
    address = f"http://127.0.0.1:{port}/v2/models/tumours/infer"
    with urllib.request.urlopen(address, json.dumps(request).encode()) as answer:
        outputs = json.load(answer)["outputs"]
    return {output["name"]: np.array(output["data"]) for output in outputs}


def start_server(file):
    """Start ``skae serve`` in a process of its own; return it and its port once it is ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "skae", "serve", str(file), "--port", str(port)]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/health/ready"):
                return server, port
        except urllib.error.URLError:
            time.sleep(0.1)
            if server.poll() is not None:
                break
    server.kill()
    raise RuntimeError("The server did not start. Is the extra installed? skae[serve]")


def largest_difference(found, expected):
    """Return how far scores are from what they should be, as a share of it."""
    return np.max(np.abs(found - expected) / np.abs(expected))


def main():
    """Go from a fit to a served answer."""
    X_train, X_new = load_tumours()
    detector = skae.AutoencoderOutlierDetector(random_state=0).fit(X_train)
    expected = detector.score_samples(X_new)
    with TemporaryDirectory() as folder:
        file, graph = Path(folder) / "tumours.skae", Path(folder) / "tumours.onnx"

        digest = skae.save(detector, file)
        loaded = skae.load(file, expected_sha256=digest)
        print(f"{file.name}: {file.stat().st_size:,} bytes, SHA-256 {digest[:16]}...")
        same = np.array_equal(loaded.score_samples(X_new), expected)
        print(f"loaded: the same scores to the last bit: {same}")

        graph.write_bytes(skae.to_onnx(loaded, X_train[:2], output="score").SerializeToString())
        far = largest_difference(ask_graph(graph, X_new), expected)
        print(f"{graph.name}: {graph.stat().st_size:,} bytes, largest difference {far:.0e}")

        server, port = start_server(file)
        answer = ask_server(port, X_new)
        far = largest_difference(answer["score"], expected)
        print(f"served: largest difference {far:.0e}")
        print("benign, judged outliers:   ", answer["outlier"][:10].astype(int))
        print("malignant, judged outliers:", answer["outlier"][10:].astype(int))
        # It still answers what it has accepted.
        server.send_signal(signal.SIGTERM)
        print(f"stopped with exit status {server.wait(30)}")


if __name__ == "__main__":
    main()
