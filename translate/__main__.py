"""`python -m translate`: what torchrun starts."""

from translate.cli import main

if __name__ == "__main__":
    main()
