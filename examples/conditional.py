"""
Draw each digit in the same styles
==================================

A conditional variational autoencoder learns digits with their labels. Its code says what is left
when the label is known: slant, width, thickness. Six codes are drawn, and each is decoded as all
ten digits: a line of the sheet is a code, a column a digit. A classifier tells how many of 1,000
drawn digits are the digit that was asked for.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.svm import SVC

from skae import VariationalAutoencoder

X, y = load_digits(return_X_y=True)
ae = VariationalAutoencoder(8, conditional=True, hidden_layer_sizes=(128,), random_state=0)
ae.fit(X, y)

asked = np.arange(1_000) % 10
seen = SVC().fit(X, y).predict(ae.sample(1_000, random_state=0, y=asked))
print(f"A classifier sees the digit that was asked for in {(seen == asked).mean():.1%}.")

# %%
# One image of all images: the axes of the sheet are styles, pixels down, digits, pixels across.
styles = np.random.default_rng(0).normal(size=(6, 8))
digits = [ae.inverse_transform(styles, y=digit).reshape(-1, 8, 8) for digit in range(10)]
framed = np.pad(np.stack(digits, axis=2), ((0, 0), (1, 1), (0, 0), (1, 1)))

figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
axes.imshow(framed.reshape(6 * 10, 10 * 10), cmap="gray_r", vmin=0, vmax=16)
axes.set_xticks(np.arange(10) * 10 + 4.5, [*"0123456789"])
axes.set_yticks(np.arange(6) * 10 + 4.5, [f"style {style + 1}" for style in range(6)])
axes.tick_params(length=0)
axes.spines[:].set_visible(False)
figure.savefig("conditional.png", dpi=80)
