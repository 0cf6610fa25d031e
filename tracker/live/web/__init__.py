"""The page that shows live cameras.

`answers` is what is told; `app` has the addresses, `server` serves them while the system runs,
`static` holds the page itself. Who may see it stands in `tracker.web`.
"""
