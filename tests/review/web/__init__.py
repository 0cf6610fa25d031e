"""The review page: its server by requests, and the whole in a browser."""
