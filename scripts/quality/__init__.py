"""The parts of scripts/benchmark_quality.py: methods, peers, scores, tables and the plot."""
