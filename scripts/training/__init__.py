"""The parts of `scripts.train_detector`: data, augmentation, losses, validation, state."""
