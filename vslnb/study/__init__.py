"""The study: profiles, `reproduce`, the report, comparisons of runs, published numbers."""
