"""``python -m embedlens``."""

from embedlens.cli import main

if __name__ == "__main__":
    main()
