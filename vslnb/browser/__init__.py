"""Ranked retrievals side by side, to see why one went wrong; in JupyterLab or as exported pages.

`state` is what is chosen, `rankings` what is then to be seen, `curated_lists` queries worth a look; `session` answers
a click with JSON for the scripts in `static/`; `widget` and `static_pages` show them, and `load` reads trained runs.
"""
