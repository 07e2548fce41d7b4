"""``python -m skae`` runs the command ``skae``."""

from .cli import main

if __name__ == "__main__":
    main()
