"""What every page served by this package shares.

`access` knows who may see a page, `guard` what is answered at all, `doors` the addresses of logging
in and of the page's own files; `server` serves them from a thread, `static` has the common looks.
"""
