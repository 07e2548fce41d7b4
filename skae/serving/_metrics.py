"""What a server counts, for Prometheus."""

# Batches hold one row or many, and take from a fraction of a millisecond to seconds.
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 1024)
_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class Metrics:
    """Counters of one served model, in a registry of their own.

    Parameters
    ----------
    name : str
        Of the model: the value of the label ``model``.

    Attributes
    ----------
    n_accepted, n_answered : int
        Requests that were queued, and how many of them have their answer.
    """

    def __init__(self, name):
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self._registry = CollectorRegistry()
        self._name = name
        self.n_accepted = self.n_answered = 0

        def make(kind, metric, text, labels=(), **params):
            names = ["model", *labels]
            return kind(f"skae_{metric}", text, names, registry=self._registry, **params)

        self._accepted = make(Counter, "accepted_requests", "Requests that were queued.")
        self._rows = make(Counter, "accepted_rows", "Rows of the requests that were queued.")
        self._answers = make(Counter, "answers", "Answers to inference, by HTTP status.", ["code"])
        self._request_seconds = make(
            Histogram, "request_seconds", "From a whole request to its answer.", buckets=_SECONDS
        )
        self._waiting = make(Gauge, "waiting_rows", "Rows in the queue.")
        self._batch_rows = make(Histogram, "batch_rows", "Rows computed together.", buckets=_ROWS)
        self._batch_seconds = make(
            Histogram, "batch_seconds", "Time in the model.", buckets=_SECONDS
        )
        for metric in (self._accepted, self._rows, self._waiting):
            # So that they are there before the first request.
            metric.labels(name)

    def accept(self, n_rows):
        """Count a request that was queued."""
        self.n_accepted += 1
        self._accepted.labels(self._name).inc()
        self._rows.labels(self._name).inc(n_rows)

    def answer(self, status, seconds, accepted):
        """Count an answer; `accepted` tells whether its request had been queued."""
        self.n_answered += accepted
        self._answers.labels(self._name, status).inc()
        self._request_seconds.labels(self._name).observe(seconds)

    def batch(self, n_rows, seconds):
        """Count a batch."""
        self._batch_rows.labels(self._name).observe(n_rows)
        self._batch_seconds.labels(self._name).observe(seconds)

    def waiting(self, n_rows):
        """Set how many rows wait."""
        self._waiting.labels(self._name).set(n_rows)

    def text(self):
        """Return all of it in Prometheus's text format, and the type of that.

        Returns
        -------
        text : bytes
        content_type : str
        """
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        return generate_latest(self._registry), CONTENT_TYPE_LATEST
