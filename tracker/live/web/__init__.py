"""The page that shows live cameras.

`access` knows who may see it, `guard` what is answered at all, `answers` what is told; `app` has
the addresses, `server` serves them while the system runs, `static` holds the page itself.
"""
