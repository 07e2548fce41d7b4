"""Measurements that stand behind the figures: ``python -m benchmarks NAME``."""
