"""``python -m skae`` is the command ``skae``."""

from skae.cli import main

if __name__ == "__main__":
    main()
