"""
Explain unusual orders of a table with text, dates and gaps
===========================================================

A shop's orders (made data): the country tells the currency, the product tells the price, express
tells when an order arrives. In 40 of 2,000 orders one of these was mixed up, and one cell in twenty
is empty. The detector takes the table as it is; IsolationForest gets one-hot columns, days for
dates, and means for gaps. The picture explains the most unusual order in the table's own words.
"""

import numpy as np
import pandas as pd
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from skae import AutoencoderOutlierDetector
from skae.displays import OutlierDisplay

CURRENCY = {"Germany": "EUR", "France": "EUR", "Poland": "PLN", "Sweden": "SEK", "UK": "GBP"}
PRICE = {"book": 15.0, "shirt": 30.0, "shoes": 90.0, "phone": 600.0, "laptop": 1200.0}
N_ORDERS, N_WRONG = 2_000, 40

rng = np.random.default_rng(0)
country = pd.Series(rng.choice([*CURRENCY], N_ORDERS))
product = pd.Series(rng.choice([*PRICE], N_ORDERS))
express = rng.random(N_ORDERS) < 0.2
placed = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 300, N_ORDERS), "D")
days = np.where(express, 1, 4) + rng.integers(0, 2, N_ORDERS)
table = pd.DataFrame(
    {
        "country": country,
        "currency": country.map(CURRENCY),
        "product": product.astype("category"),
        "price": (product.map(PRICE) * rng.lognormal(0, 0.1, N_ORDERS)).round(2),
        "express": pd.array(express, "boolean"),
        "placed": placed,
        "delivered": placed + pd.to_timedelta(days, "D"),
    }
)
for row in range(N_WRONG):
    column = rng.choice(["currency", "product", "express"])
    others = table[column][table[column] != table.at[row, column]]
    table.at[row, column] = others.iloc[rng.integers(len(others))]
table = table.mask(rng.random(table.shape) < 0.05)

detector = AutoencoderOutlierDetector(random_state=0).fit(table)
dates = {name: (table[name] - table[name].min()).dt.days for name in ("placed", "delivered")}
numbers = pd.get_dummies(table.assign(**dates)).astype(float)
numbers = numbers.fillna(numbers.mean())
forest = IsolationForest(random_state=0).fit(numbers)

is_wrong = np.arange(N_ORDERS) < N_WRONG
for model, rows in ((detector, table), (forest, numbers)):
    auroc = roc_auc_score(is_wrong, -model.score_samples(rows))
    print(f"{type(model).__name__}: AUROC {auroc:.2f}")

# %%
display = OutlierDisplay.from_estimator(detector, table)
display.figure_.savefig("mixed_table.png", dpi=80)
