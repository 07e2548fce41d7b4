"""Smallest standard deviations that scores divide by."""

# Of a residual, in the standard deviation of its column, and of a code: tiny deviations in a column
# that is constant in training or follows from the others do not count.
LEAST_SCALE = 1e-2

# Of the deviance residuals of categories: where one follows from the other columns, a little doubt
# does not count.
LEAST_DEVIANCE = 0.3
