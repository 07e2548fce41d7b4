"""Reports on every kind of estimator, and refusals that say what to do."""

import numpy as np
import pytest
from display_cases import CLASSES, DIGITS, TABLE, WINE, linear, of_digits, of_images, of_windows
from display_cases import windows as some_windows
from report_cases import SMALL, Page
from scipy import sparse
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skae
from skae.estimators.base import BaseAutoencoder
from skae.windows import Windows

AUTOENCODERS = [
    name
    for name in skae.__all__
    if isinstance(getattr(skae, name), type) and issubclass(getattr(skae, name), BaseAutoencoder)
]


def page_of(*args, **kwargs):
    return Page(skae.report(*args, **kwargs).html)


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_every_autoencoder_has_a_report(name):
    ae = getattr(skae, name)(3, max_iter=1, random_state=0)
    if name != "ConvolutionalAutoencoder":
        ae.set_params(hidden_layer_sizes=(8,))
    page = page_of(ae.fit(DIGITS[:100]), DIGITS[:60])
    assert page.headings[0] in (f"Report on a {name}", f"Report on an {name}")
    expected = ["Model", "Training", "Reconstruction errors", "Unusual rows", "Codes"]
    assert page.headings[1:] == expected
    assert page.highlights["components of the code"] == "3"
    # Images are drawn beside what is expected of them.
    assert len(page.pictures) == (4 if name == "ConvolutionalAutoencoder" else 3)


@pytest.mark.parametrize(
    ("fitted", "rows"),
    [(of_images, DIGITS[:40].reshape(-1, 8, 8)), (of_windows, some_windows(40))],
    ids=["images", "windows"],
)
@pytest.mark.parametrize("is_detector", [False, True])
def test_images_and_windows_are_drawn(fitted, rows, is_detector):
    model = fitted()
    if is_detector:
        model = skae.AutoencoderOutlierDetector(clone(model), **SMALL).fit(rows)
    page = page_of(model, rows)
    scores = model.score_samples(rows)
    worst = ", ".join(map(str, np.argsort(scores, kind="stable")[:5]))
    assert f"Rows {worst} beside what the model expects in their place." in page.pictures.values()
    assert "Columns, the hardest first" not in page.tables


def test_other_containers_give_the_same_page():
    ae = skae.AutoencoderTransformer(2, hidden_layer_sizes=(), max_iter=2, random_state=0)
    ae.fit(DIGITS)
    dense = skae.report(ae, DIGITS).html
    assert skae.report(ae, sparse.csr_array(DIGITS)).html == dense
    assert skae.report(ae, DIGITS.tolist()).html == dense


def test_a_recording_is_reported_on_window_by_window():
    recording = np.sin(np.arange(500) / 5.0)[:, None]
    recording = recording + 0.01 * np.random.default_rng(0).normal(size=(500, 1))
    ae = skae.AutoencoderTransformer(2, hidden_layer_sizes=(), max_iter=2, random_state=0)
    pipe = make_pipeline(Windows(16, step=4), StandardScaler(), ae).fit(recording)
    page = page_of(pipe, recording, max_samples=50)
    assert page.texts[0] == "About a random sample of 50 of 122 rows that Windows made."
    assert page.facts()["Steps"] == "Windows → StandardScaler → AutoencoderTransformer"
    parameters = dict(page.tables["Parameters that differ from their defaults"][1:])
    assert parameters["windows__step"] == "4"


def test_conditional_autoencoders_and_pairs():
    vae = skae.VariationalAutoencoder(2, conditional=True, max_iter=1, random_state=0)
    assert "Unusual rows" in page_of(vae.fit(DIGITS, CLASSES), DIGITS[:50]).headings
    pairs = skae.DenoisingAutoencoder(2, max_iter=1, random_state=0).fit(WINE, 2 * WINE)
    page = page_of(pairs, WINE)
    assert any("fitted on pairs" in text for text in page.texts)
    assert "Unusual rows" not in page.headings


def test_a_search_is_its_best_estimator():
    search = GridSearchCV(clone(linear()), {"n_components": [2]}, cv=2).fit(WINE)
    assert skae.report(search, WINE).html == skae.report(search.best_estimator_, WINE).html


def test_few_and_equal_rows():
    for rows in (WINE[:1], WINE.iloc[[0, 0, 0]], WINE[:2]):
        assert "Codes" in page_of(linear(), rows).headings


def test_what_reports_are_not_about_is_refused_by_name():
    ae = of_digits()
    with pytest.raises(TypeError, match=r"Encoder is one half .* report\(encoder.autoencoder, X\)"):
        skae.report(ae.encoder_, DIGITS)
    with pytest.raises(TypeError, match="Decoder is one half"):
        skae.report(ae.decoder_, DIGITS)
    with pytest.raises(TypeError, match="a Pipeline that ends in PCA"):
        skae.report(make_pipeline(PCA(2)).fit(DIGITS), DIGITS)
    with pytest.raises(TypeError, match="got the class AutoencoderTransformer"):
        skae.report(skae.AutoencoderTransformer, DIGITS)
    with pytest.raises(NotFittedError):
        skae.report(skae.AutoencoderTransformer(), DIGITS)
    with pytest.raises(NotFittedError):
        skae.report(make_pipeline(StandardScaler(), skae.AutoencoderTransformer()), DIGITS)


def test_rows_that_do_not_fit_are_refused():
    with pytest.raises(TypeError, match="X is None, and a report is about rows"):
        skae.report(linear(), None)
    with pytest.raises(ValueError, match="X has no rows"):
        skae.report(linear(), WINE[:0])
    with pytest.raises(ValueError, match="feature names should match"):
        skae.report(linear(), WINE.iloc[:, 1:])
    with pytest.raises(ValueError, match="max_samples == 1, must be >= 2"):
        skae.report(linear(), WINE, max_samples=1)


def test_references_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match=r"reference does not fit the estimator: .*feature names"):
        skae.report(linear(), WINE, reference=WINE.iloc[:, 1:])
    drift = skae.DriftDetector(linear()).fit(WINE + 0.1)
    with pytest.raises(ValueError, match="DriftDetector, which has its own"):
        skae.report(drift, WINE, reference=WINE)
    imputer = skae.AutoencoderImputer(max_iter=0, random_state=0).fit(TABLE)
    with pytest.raises(ValueError, match="AutoencoderImputer, which gives neither"):
        skae.report(imputer, TABLE, reference=TABLE)
