"""The page on which people answer.

`app` has the addresses, `server` serves them, `static` holds the page itself. What it asks and what
becomes of the answers stands in `tracker.review.session`, who may see it in `tracker.web`.
"""
