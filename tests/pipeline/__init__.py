"""Tests of `tracker.pipeline`, and the parts they run."""
