"""A process that fits a detector on one file, and scores all of its rows."""

import json
import sys
import warnings
from pathlib import Path

import torch

from ._processes import Peak, anonymous_mib


def _main(path):
    from skae import AutoencoderOutlierDetector

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    detector = AutoencoderOutlierDetector(random_state=0)
    before = anonymous_mib()
    with Peak() as of_fit:
        detector.fit(path)
    with Peak() as of_scores:
        detector.score_samples(path, to=Path(path).parent / "scores.parquet")
    found = {
        "fit, s": of_fit.seconds,
        "fit, CPU s": of_fit.cpu_seconds,
        "scores, s": of_scores.seconds,
        "scores, CPU s": of_scores.cpu_seconds,
        "anonymous MiB at most": max(of_fit.mib, of_scores.mib),
        "of these before": before,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    _main(*sys.argv[1:])
