"""Tests of `tracker.evaluation`, and the small worlds they judge."""
