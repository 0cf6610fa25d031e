"""Video in and video out: sources, the writer and the overlay.

OpenCV and PyAV are imported in here only, and only inside the functions that need them: without
the extra `video`, `import tracker` works and everything in here says what to install.
"""
