"""Tests of live cameras."""
