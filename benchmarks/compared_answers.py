"""What differs between the answers of two checkouts, which ``benchmarks/answers.py`` has recorded.

``python -m benchmarks.compared_answers A.npz B.npz`` ends with 1 if answers differ.
"""

import argparse
import sys

import numpy as np


def compare(one, other):
    """Print what differs; return 1 if answers do, 0 if it is nothing or only messages."""
    a, b = dict(np.load(one)), dict(np.load(other))
    counts = {"equal": 0, "messages": 0, "ANSWERS": 0}
    for key in sorted(a.keys() | b.keys()):
        x, y = (np.asarray(arrays.get(key, "missing")) for arrays in (a, b))
        if (x.dtype, x.shape, x.tobytes()) == (y.dtype, y.shape, y.tobytes()):
            counts["equal"] += 1
            continue
        found = [v.tolist() if v.dtype.kind == "U" else f"{v.dtype} {v.shape}" for v in (x, y)]
        if found[0] == found[1]:
            found += [f"differ by up to {np.abs(x.astype(float) - y.astype(float)).max()}"]
        kind = "messages" if key.startswith("messages/") else "ANSWERS"
        counts[kind] += 1
        print(kind, key, *found, sep=" | ")
    print(counts)
    return int(counts["ANSWERS"] > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs=2, metavar="FILE.npz")
    sys.exit(compare(*parser.parse_args().files))
