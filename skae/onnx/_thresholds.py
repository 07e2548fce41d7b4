"""The threshold of a detector whose scores are not quite what they were."""

import numpy as np

from skae.detection import _AUTO, Calibration


def offset_for(detector, scores):
    """Find the threshold that rows with these scores would have given a detector.

    Parameters
    ----------
    detector : AutoencoderOutlierDetector
        Fitted; says which share of ordinary rows may be below the threshold.
    scores : ndarray of shape (n_samples,)
        Scores of ordinary rows that it was not trained on.

    Returns
    -------
    offset : float

    Raises
    ------
    ValueError
        If there are too few rows for that share.
    """
    level = _AUTO if detector._level == "auto" else detector._level
    if level * (len(scores) + 1) < 1:
        raise ValueError(
            f"quantize=True finds the threshold anew, from the scores of X_sample: contamination="
            f"{level} needs at least {np.ceil(1 / level) - 1:.0f} rows, X_sample has "
            f"{len(scores)}. Give ordinary rows that the detector was not trained on, a few "
            f"hundred of them."
        )
    calibration = Calibration()
    calibration.add(np.array([0]), -scores[:, None], np.ones(len(scores)))
    return -calibration.threshold(level)
