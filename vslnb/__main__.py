"""`python -m vslnb` is the `vslnb` command."""

from vslnb.cli import main

main()
