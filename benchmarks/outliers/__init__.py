"""Outlier detectors beside one another on labelled sets."""
