"""`python -m tracker` is `conftrack`."""

from tracker.cli import main

if __name__ == "__main__":
    main()
