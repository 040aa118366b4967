"""``python -m steepest``."""

from steepest.cli import main

main()
