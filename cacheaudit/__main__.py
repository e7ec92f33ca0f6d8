"""`python -m cacheaudit`."""

from .cli import main

main()
