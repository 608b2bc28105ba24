"""Arrays in, matplotlib Figure out."""
