"""`python -m heedback_service.cli` is `heedback`."""

from heedback_service.cli import main

main()
