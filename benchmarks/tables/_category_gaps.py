"""How often missing categories are told right, beside other ways to fill them."""

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import KNNImputer, SimpleImputer

from skae import AutoencoderImputer

from ._mixed_data import binned_tables


def _most_frequent(train, new):
    return SimpleImputer(strategy="most_frequent").fit(train).transform(new)


def _codes(train, new):
    """Return numbers and one-hot categories, NaN in gaps, with the columns of each category."""
    both = pd.concat([train, new])
    parts, places, start = [], {}, 0
    for name, column in both.items():
        if column.dtype == "category":
            part = pd.get_dummies(column).astype(float)
            part[column.isna()] = np.nan
            places[name] = start, list(part.columns)
        else:
            part = ((column - column.mean()) / column.std()).to_frame()
        start += part.shape[1]
        parts.append(part.to_numpy())
    rows = np.column_stack(parts)
    return rows[: len(train)], rows[len(train) :], places


def _nearest(train, new):
    """Fill by KNNImputer on one-hot columns."""
    coded_train, coded_new, places = _codes(train, new)
    filled = KNNImputer().fit(coded_train).transform(coded_new)
    answer = new.astype(object)
    for name, (start, levels) in places.items():
        best = filled[:, start : start + len(levels)].argmax(axis=1)
        answer[name] = np.asarray(levels, dtype=object)[best]
    return answer.to_numpy()


def _forests(train, new):
    """Fill each column of categories by a forest on the others, filled by their most frequent."""
    coded_train, coded_new, places = _codes(train, new)
    simple = SimpleImputer(strategy="mean").fit(coded_train)
    all_train, all_new = simple.transform(coded_train), simple.transform(coded_new)
    answer = new.astype(object)
    for name, (start, levels) in places.items():
        others = np.r_[:start, start + len(levels) : all_train.shape[1]]
        known = train[name].notna().to_numpy()
        forest = RandomForestClassifier(n_estimators=100, random_state=0)
        forest.fit(all_train[known][:, others], train[name][known].astype(str))
        answer[name] = forest.predict(all_new[:, others])
    return answer.to_numpy()


def _ours(train, new):
    return AutoencoderImputer(random_state=0).fit(train).transform(new).astype(object).to_numpy()


FILLERS = {
    "skae": _ours,
    "most frequent": _most_frequent,
    "KNN on one-hot": _nearest,
    "random forest": _forests,
}


def category_gaps(folder):
    """Measure the share of missing categories of new rows that are told right."""
    rows = []
    for name, table in binned_tables(folder).items():
        for share in (0.2, 0.5):
            rng = np.random.default_rng(0)
            gaps = rng.random(table.shape) < share
            given = table.mask(gaps)
            n_train = int(0.7 * len(table))
            train, new = given.iloc[:n_train], given.iloc[n_train:]
            for filler, fill in FILLERS.items():
                filled = fill(train, new)
                right = [
                    filled[:, i].astype(str) == table.iloc[n_train:, i].astype(str).to_numpy()
                    for i in range(table.shape[1])
                    if table.dtypes.iloc[i] == "category"
                ]
                chosen = gaps[n_train:, (table.dtypes == "category").to_numpy()]
                accuracy = np.column_stack(right)[chosen].mean()
                case = {"table": name, "gaps": f"{share:.0%}", "filler": filler}
                rows.append(case | {"accuracy": accuracy})
    measured = pd.DataFrame(rows)
    yield measured.pivot_table(
        index=["table", "gaps"], columns="filler", values="accuracy"
    ).reset_index()
    yield measured.groupby("filler")["accuracy"].mean().reset_index()
