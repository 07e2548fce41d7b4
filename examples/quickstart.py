"""
An autoencoder in the slot where PCA stands
===========================================

A grid search lets PCA and the autoencoder compete in one slot of a pipeline, at four sizes of the
code. The program prints the accuracies of a classifier behind the codes and the errors of test
digits, and draws the digits above their reconstructions from four numbers.
"""

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline

from skae import AutoencoderTransformer
from skae.displays import ReconstructionDisplay

SIZES = [2, 4, 8, 16]
X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
ae, pca = AutoencoderTransformer(random_state=0), PCA(whiten=True, random_state=0)

pipeline = Pipeline([("codes", ae), ("classifier", LogisticRegression())])
grid = {"codes": [pca, ae], "codes__n_components": SIZES}
search = GridSearchCV(pipeline, grid, cv=3, verbose=1).fit(X_train, y_train)
results = pd.DataFrame(search.cv_results_)
results["codes"] = [type(codes).__name__ for codes in results["param_codes"]]
print("Cross-validated accuracy:")
print(results.pivot(index="param_codes__n_components", columns="codes", values="mean_test_score"))
print(f"Best: {search.best_params_}, {search.score(X_test, y_test):.3f} on the test set")

# %%
errors = pd.DataFrame(index=SIZES, columns=["PCA", "AutoencoderTransformer"])
for size in SIZES:
    for model in (pca, ae):
        model.set_params(n_components=size).fit(X_train)
        back = model.inverse_transform(model.transform(X_test))
        errors.loc[size, type(model).__name__] = np.square(X_test - back).mean()
print("Mean squared errors of test digits:", errors.astype(float).round(2), sep="\n")

# %%
ae.set_params(n_components=4).fit(X_train)
display = ReconstructionDisplay.from_estimator(
    ae, X_test, X_train=X_train, rows=12, row_shape=(8, 8), cmap="gray_r"
)
display.figure_.savefig("quickstart.png", dpi=80)

# sphinx_gallery_thumbnail_path = "../examples/pictures/quickstart.png"
