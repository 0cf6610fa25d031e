"""Parts of `scripts/measure_review.py`."""
