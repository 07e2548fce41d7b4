"""Moments of two tables together."""


def merge_moments(first, second):
    """Return the moments of two tables together (Chan, Golub and LeVeque, 1983).

    Parameters
    ----------
    first : tuple or None
        Weight, mean and variance of one table; None for an empty one.
    second : tuple
        The same for the other.
    """
    if first is None:
        return second
    (n_a, mean_a, variance_a), (n_b, mean_b, variance_b) = first, second
    total = n_a + n_b
    share = n_b / total
    mean = mean_a + share * (mean_b - mean_a)
    between = share * (1 - share) * (mean_b - mean_a) ** 2
    return total, mean, (1 - share) * variance_a + share * variance_b + between
