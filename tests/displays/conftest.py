"""A backend without windows, and figures that are closed after each test."""

import matplotlib
import pytest

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _figures_are_closed():
    import matplotlib.pyplot as plt

    yield
    plt.close("all")
