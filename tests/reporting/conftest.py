"""A backend without windows."""

import matplotlib

matplotlib.use("Agg")
