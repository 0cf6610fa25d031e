"""What a developer of this project runs: training, preparing data, measuring."""
