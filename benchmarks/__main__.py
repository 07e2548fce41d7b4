"""Entry point: ``python -m benchmarks NAME`` prints tables and can write them as JSON."""

import argparse
import json
import platform
from importlib.metadata import version
from pathlib import Path

import torch

from . import (
    deployment,
    features,
    gpu,
    labels,
    outliers,
    reconstruction,
    scale,
    speed,
    tables,
    variants,
)

BENCHMARKS = {
    "reconstruction": reconstruction,
    "features": features,
    "speed": speed,
    "gpu": gpu,
    "variants": variants,
    "outliers": outliers,
    "tables": tables,
    "deployment": deployment,
    "labels": labels,
    "scale": scale,
}
DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def main():
    """Run one benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=BENCHMARKS, help="what to measure")
    parser.add_argument(
        "--data",
        type=Path,
        default=DEFAULT_DATA,
        help="folder that holds mnist.npz and outliers/*.npz; what is not there is left out "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--only",
        choices=[
            *speed.PARTS,
            *outliers.PARTS,
            *tables.PARTS,
            *labels.PARTS,
            *scale.PARTS,
        ],
        help="one part of 'speed', 'outliers', 'tables', 'labels' or 'scale'",
    )
    parser.add_argument("--json", type=Path, help="also write the tables to this file")
    arguments = parser.parse_args()
    run = BENCHMARKS[arguments.name].run
    if arguments.only:
        parts = getattr(BENCHMARKS[arguments.name], "PARTS", {})
        if arguments.only not in parts:
            parser.error(f"--only {arguments.only} is no part of {arguments.name!r}")
        run = parts[arguments.only]

    # Rivals are compared on one thread, where CPU time means the work that was done.
    torch.set_num_threads(1)
    packages = ("skae", "torch", "scikit-learn", "numpy")
    print(", ".join(f"{name} {version(name)}" for name in packages), "on", platform.platform())
    measured = []
    for table in run(arguments.data):
        print(table.to_markdown(index=False, floatfmt=".3f"), end="\n\n", flush=True)
        measured.append(table.to_dict(orient="records"))
    if arguments.json:
        arguments.json.write_text(json.dumps(measured, indent=1))


if __name__ == "__main__":
    main()
