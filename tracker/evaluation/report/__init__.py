"""What an evaluation leaves behind: report.json, report.html and PNG files.

In: an `Evaluation`. Out: files. `document` gathers everything once; the JSON, the page and the
pictures are made of it, so that they never disagree.
"""
