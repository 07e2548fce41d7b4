"""The numbers of a report, beside independent computations."""

import numpy as np
import pandas as pd
import pytest
from display_cases import DIGITS, TABLE, WINE, linear, of_digits, of_table
from mixed_cases import table, with_gaps
from report_cases import Page, as_share, detector_of_table, detector_of_wine, wrong_wine
from sklearn.base import clone
from sklearn.metrics import r2_score, root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skae


def page_of(*args, **kwargs):
    return Page(skae.report(*args, **kwargs).html)


def test_errors_of_numbers_are_shares_of_their_variance():
    page, back = page_of(linear(), WINE), linear().reconstruct(WINE)
    columns = page.columns()
    shares = 1 - r2_score(WINE, back, multioutput="raw_values")
    for i, name in enumerate(WINE):
        assert as_share(columns[name]["Not explained"]) == pytest.approx(shares[i], abs=0.006)
        error = root_mean_squared_error(WINE.iloc[:, i], back[:, i])
        assert columns[name]["Typical error"] == f"± {error:.4g}"
    assert [*columns] == [WINE.columns[i] for i in np.argsort(-shares)]
    overall = as_share(page.highlights["of these rows not explained"])
    assert overall == pytest.approx(shares.mean(), abs=0.006)


def test_errors_of_categories_and_dates_have_their_units():
    X = with_gaps(table(3, 200))
    page, back = page_of(of_table(), X), of_table().reconstruct(X)
    columns = page.columns()
    known = X["city"].notna()
    wrong = (X["city"] != back["city"])[known]
    most_frequent = X["city"].mode()[0]
    of_one_answer = (X["city"][known] != most_frequent).sum()
    share = as_share(columns["city"]["Not explained"])
    assert share == pytest.approx(wrong.sum() / of_one_answer, abs=0.006)
    assert as_share(columns["city"]["Typical error"].split()[0]) == pytest.approx(
        wrong.mean(), abs=0.006
    )
    days = (back["since"] - X["since"]) / pd.Timedelta(days=1)
    assert columns["since"]["Typical error"] == f"± {np.sqrt((days**2).mean()):.3g} days"
    for name in X:
        gaps = X[name].isna().mean()
        assert as_share(columns[name]["Gaps"]) == pytest.approx(gaps, abs=0.006)
    losses = of_table().column_losses_
    assert columns["age"]["Loss in training"] == f"{losses['age']:.4g}"
    assert [columns[name]["Holds"] for name in ("age", "city", "since")] == [
        "numbers",
        "text",
        "dates",
    ]


def test_unusual_rows_are_those_with_the_lowest_scores():
    X = table(3, 200)
    X.iloc[7, list(X).index("city")] = "Rome" if X["city"].iloc[7] != "Rome" else "Oslo"
    page, back = page_of(of_table(), X), of_table().reconstruct(X)
    scores = of_table().score_samples(X)
    worst = np.argsort(scores)[:5]
    captions = [name for name in page.tables if name.startswith("Row ")]
    assert captions == [f"Row {i} ({X.index[i]}), score {scores[i]:.4g}" for i in worst]
    for i, caption in zip(worst, captions, strict=True):
        cells = {row[0]: row[1:] for row in page.tables[caption][1:]}
        assert cells["city"][:2] == [X["city"].iloc[i], back["city"].iloc[i]]
        assert cells["age"][:2] == [str(X["age"].iloc[i]), str(back["age"].iloc[i])]
        assert cells["since"][0] == f"{X['since'].iloc[i]:%Y-%m-%d}"
        z = abs(back["age"].iloc[i] - X["age"].iloc[i]) / X["age"].std(ddof=0)
        assert cells["age"][3] == f"{z:.1f}"
        assert cells["city"][2] == (
            "none" if cells["city"][0] == cells["city"][1] else "another category"
        )


def test_outliers_are_those_that_the_detector_predicts():
    detector, X = detector_of_wine(), wrong_wine()
    page = page_of(detector, X)
    scores, p_values = detector.score_samples(X), detector.p_values(X)
    n_flagged = int((detector.predict(X) == -1).sum())
    assert page.highlights["rows flagged"].split()[0] == str(n_flagged)
    assert page.facts()["Threshold"] == f"outliers score below {detector.offset_:.4g}"
    order = np.argsort(scores)[:15]
    rows = page.table("The 15 most unusual rows")
    assert [row[0] for row in rows] == [str(i) for i in order]
    assert [row[2] for row in rows] == [f"{p_values[i]:.2g}" for i in order]
    assert page.marked.count("outlier") == min(n_flagged, 15) > 3
    wide = detector.explain(X[3:4]).iloc[0]
    name, found, expected, residual, part = page.table("Row 3, score")[0]
    assert (name, found) == ("alcohol", "-9")
    assert float(expected) == pytest.approx(wide["expected", "alcohol"], rel=1e-3)
    assert float(residual) == pytest.approx(wide["residual", "alcohol"], rel=1e-3)
    share = wide["share", "alcohol"] / wide["share"].sum()
    assert as_share(part) == pytest.approx(share, abs=0.006)


def test_explained_cells_are_of_the_callers_types():
    X = TABLE.copy()
    X.iloc[7, list(X).index("city")] = "Rome"
    detector = detector_of_table()
    page = page_of(detector, X)
    worst = int(detector.score_samples(X).argmin())
    wide = detector.explain(X.iloc[[worst]]).iloc[0]
    cells = {row[0]: row[1:] for row in page.table(f"Row {worst} ({X.index[worst]})")}
    assert cells["city"][:2] == [X["city"].iloc[worst], wide["expected", "city"]]
    assert cells["member"][0] == str(X["member"].iloc[worst])
    assert cells["since"][0] == f"{X['since'].iloc[worst]:%Y-%m-%d}"


def test_a_pipeline_explains_in_the_unit_of_the_caller():
    X = 10 * wrong_wine() + 3
    pipe = make_pipeline(StandardScaler(), clone(detector_of_wine())).fit(X[10:150])
    rows = page_of(pipe, X).table("Row 3, score")
    name, found, expected, *_ = rows[0]
    assert (name, found) == ("alcohol", "-87")
    wide = pipe[-1].explain(pipe[:-1].transform(X[3:4]))
    back = pipe[:-1].inverse_transform(wide["expected"])[0, 0]
    assert float(expected) == pytest.approx(back, rel=1e-3)


def test_a_pipeline_with_steps_that_cannot_go_back_says_so():
    from sklearn.compose import ColumnTransformer

    scale = ColumnTransformer([("scale", StandardScaler(), ["alcohol", "hue", "ash"])])
    pipe = make_pipeline(scale, skae.AutoencoderTransformer(1, max_iter=2, random_state=0))
    page = page_of(pipe.fit(WINE), WINE)
    assert any("cannot be inverted" in text for text in page.texts)
    assert len(page.columns()) == 3
    shares = 1 - r2_score(
        pipe[0].transform(WINE),
        pipe[1].reconstruct(pipe[0].transform(WINE)),
        multioutput="raw_values",
    )
    found = sorted(as_share(one["Not explained"]) for one in page.columns().values())
    assert found == pytest.approx(sorted(shares), abs=0.006)


def test_drift_is_what_the_detector_of_drift_finds():
    X = table(3, 150).assign(age=99)
    reference = table(5, 150)
    page = page_of(of_table(), X, reference=reference)
    result = skae.DriftDetector(of_table(), random_state=0).fit(reference).test(X)
    assert page.highlights[f"p-value {result.p_value:.2g}"] == "Drift"
    rows = {row[0]: row for row in page.table("Tests, the surest first")}
    assert len(rows) == len(result.tests)
    for name, one in result.tests.iterrows():
        row = rows[{"score": "all scores", "codes": "all codes together"}.get(name, name)]
        assert row[3] == f"{one['p_adjusted']:.2g}"
        assert row[5] == ("drift" if one["drift"] else "no")
    page = page_of(skae.DriftDetector(of_table(), random_state=0).fit(reference), X)
    assert page.highlights[f"p-value {result.p_value:.2g}"] == "Drift"


def test_training_rows_as_the_reference_are_named_as_such():
    page = page_of(linear(), WINE[:80], reference=WINE)
    assert any("trained on" in text for text in page.texts)


def test_predicted_classes_are_counted():
    ae = skae.AutoencoderTransformer(2, hidden_layer_sizes=(8,), max_iter=2)
    model = skae.AutoencoderClassifier(ae, max_iter=2, random_state=0).fit(TABLE, TABLE["city"])
    page = page_of(model, TABLE)
    predicted, surest = model.predict(TABLE), model.predict_proba(TABLE).max(axis=1)
    for name, n_rows, share, sure in page.table("Predicted classes"):
        mine = predicted == name
        assert n_rows == str(mine.sum())
        assert as_share(share) == pytest.approx(mine.mean(), abs=0.006)
        assert sure == (f"{surest[mine].mean():.4g}" if mine.any() else "-")
    assert page.facts()["Classes"] == "3 (Bonn, Oslo, Rome)"


def test_predicted_numbers_are_summed_up():
    ae = skae.AutoencoderTransformer(2, hidden_layer_sizes=(8,), max_iter=2)
    model = skae.AutoencoderRegressor(ae, max_iter=2, random_state=0)
    model = make_pipeline(StandardScaler(), model).fit(WINE, WINE["hue"])
    page, predicted = page_of(model, WINE), model.predict(WINE)
    (row,) = page.table("Predicted numbers")
    assert row[1:3] == [f"{predicted.mean():.4g}", f"{predicted.min():.4g}"]
    assert row[4] == f"{np.median(predicted):.4g}"


def test_filled_gaps_are_those_of_the_imputer():
    X = with_gaps(TABLE)
    imputer = skae.AutoencoderImputer(max_iter=0, random_state=0).fit(X)
    page, completed = page_of(imputer, X), imputer.transform(X)
    assert as_share(page.highlights["of the cells are gaps"]) == pytest.approx(
        X.isna().to_numpy().mean(), abs=0.006
    )
    rows = {row[0]: row for row in page.table("Columns with gaps")}
    assert set(rows) == {name for name in X if X[name].isna().any()}
    gaps = X["age"].isna()
    assert rows["age"][2:] == [
        f"{completed['age'][gaps].astype(float).mean():.4g}",
        f"{X['age'].astype(float).mean():.4g}",
    ]
    most = completed["city"][X["city"].isna()].mode()[0]
    assert rows["city"][2].startswith(f"{most} (")
    worst = int(X.isna().sum(axis=1).to_numpy().argmax())
    filled = dict(page.table(f"Row {worst} ({X.index[worst]})"))
    assert set(filled) == {name for name in X if pd.isna(X[name].iloc[worst])}


def test_marks_of_gaps_and_columns_that_are_left_out():
    X = np.array([[1.0, -9, -9], [2, 4, -9], [3, 6, -9], [4, -9, -9]])
    imputer = skae.AutoencoderImputer(
        missing_values=-9, max_iter=0, keep_empty_features=False, random_state=0
    ).fit(X)
    rows = {row[0]: row[1:] for row in page_of(imputer, X).table("Columns with gaps")}
    assert rows["x2"] == ["100%", "left out", "-"]
    assert rows["x1"][0] == "50%"
    assert rows["x1"][2] == "5"


def test_codes_and_facts_of_the_model():
    ae = of_digits()
    page, codes = page_of(ae, DIGITS), ae.transform(DIGITS)
    for i, row in enumerate(page.table("Codes of these rows")):
        numbers = codes[:, i].mean(), codes[:, i].std(), codes[:, i].min(), codes[:, i].max()
        assert [float(one) for one in row[1:]] == pytest.approx(numbers, rel=1e-3, abs=1e-6)
    facts = page.facts()
    assert facts["Training rows"] == "300"
    assert facts["Widths"] == "64 columns → 16 → 4 (code) → 16 → 64 columns"
    # Two paths each way: 64-16-4 and 64-4, with biases.
    n_weights = 2 * (64 * 16 + 16 * 4 + 64 * 4) + 16 + 4 + 4 + 16 + 64 + 64
    assert facts["Weights"].startswith(f"{n_weights:,} (")
    assert facts["Epochs"] == "3"
    assert dict(page.tables["Parameters that differ from their defaults"][1:]) == {
        "hidden_layer_sizes": "(16,)",
        "max_iter": "3",
        "n_components": "4",
        "random_state": "0",
    }
    (alt,) = [alt for alt in page.pictures.values() if alt.startswith("Loss curve")]
    first, last = ae.loss_curve_[0], ae.loss_curve_[-1]
    assert alt == f"Loss curve over 3 epochs: from {first:.4g} to {last:.4g}."
