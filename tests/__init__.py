"""Tests; a package only so that its own modules are found before any other of that name."""
