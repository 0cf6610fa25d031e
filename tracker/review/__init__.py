"""People in the loop: which tracks to look at, which frames to label."""
