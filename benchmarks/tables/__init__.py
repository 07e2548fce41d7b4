"""Tables as people have them: counts, columns of several types, and gaps."""
