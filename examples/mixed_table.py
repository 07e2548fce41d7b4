"""
Find unusual orders in a table with text, dates and gaps
========================================================

Run ``python examples/mixed_table.py``: it makes orders of a shop, of which a few contradict
themselves, fits an outlier detector on the table as it is, prints how well it ranks them beside
IsolationForest on one-hot columns, and explains the most unusual order in the table's own words.
"""

import numpy as np
import pandas as pd
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from skae import AutoencoderOutlierDetector

CURRENCY = {"Germany": "EUR", "France": "EUR", "Poland": "PLN", "Sweden": "SEK", "UK": "GBP"}
PRICE = {"book": 15.0, "shirt": 30.0, "shoes": 90.0, "phone": 600.0, "laptop": 1200.0}


def orders(n_orders, seed):
    """Return orders: the country tells the currency, the product tells the price, and so on."""
    rng = np.random.default_rng(seed)
    country = rng.choice(list(CURRENCY), n_orders, p=[0.35, 0.25, 0.15, 0.1, 0.15])
    product = rng.choice(list(PRICE), n_orders, p=[0.35, 0.25, 0.2, 0.12, 0.08])
    price = pd.Series(product).map(PRICE) * rng.lognormal(0, 0.1, n_orders)
    express = rng.random(n_orders) < 0.2
    postage = 4 + 0.01 * price + 9 * express + rng.normal(0, 0.5, n_orders)
    placed = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 300, n_orders), "D")
    days = np.where(express, 1, 4) + rng.integers(0, 2, n_orders)
    return pd.DataFrame(
        {
            "country": country,
            "currency": pd.Series(country).map(CURRENCY),
            "product": pd.Categorical(product, PRICE),
            "price": price.round(2),
            "express": express,
            "postage": postage.round(2),
            "placed": placed,
            "delivered": placed + pd.to_timedelta(days, "D"),
        }
    )


def with_contradictions(table, n_rows, seed):
    """Return the table with currency, product or delivery of other rows in the first rows."""
    rng = np.random.default_rng(seed)
    table = table.copy()
    for row in range(n_rows):
        column = rng.choice(["currency", "product", "express"])
        others = table[column][table[column] != table.at[row, column]]
        table.at[row, column] = others.iloc[rng.integers(len(others))]
    return table


def as_numbers(table):
    """Return what other detectors need: days for dates, one-hot columns, and no gaps."""
    days = {name: (table[name] - table[name].min()).dt.days for name in ("placed", "delivered")}
    numbers = pd.get_dummies(table.assign(**days), columns=["country", "currency", "product"])
    numbers = numbers.astype(float)
    return numbers.fillna(numbers.mean())


def main():
    """Fit, rank, explain."""
    table = with_contradictions(orders(2000, seed=0), n_rows=40, seed=1)
    is_wrong = np.arange(len(table)) < 40
    gaps = np.random.default_rng(2).random(table.shape) < 0.05
    table = table.astype({"express": "boolean"}).mask(gaps)

    detector = AutoencoderOutlierDetector(random_state=0).fit(table)
    scores = detector.score_samples(table)
    numbers = as_numbers(table)
    scores_of_forest = IsolationForest(random_state=0).fit(numbers).score_samples(numbers)
    print("AUROC of orders that contradict themselves:")
    print(f"AutoencoderOutlierDetector        {roc_auc_score(is_wrong, -scores):.2f}")
    print(f"IsolationForest, one-hot columns  {roc_auc_score(is_wrong, -scores_of_forest):.2f}")

    worst = table.iloc[[int(np.argmin(scores))]]
    explanation = detector.explain(worst)
    parts = {name: explanation[name].iloc[0] for name in ("found", "expected", "share")}
    print(
        "\nThe most unusual order, what was expected of it, and each cell's share of the score:\n"
    )
    print(pd.DataFrame(parts).to_string())


if __name__ == "__main__":
    main()
