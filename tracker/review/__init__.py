"""People in the loop: which tracks to look at, which frames to label.

```
reading ──▶ Run ──┬─▶ lives ──┬─▶ triage ──▶ clips, page     yes, maybe, no of each track
(files, or        │           └─▶ signals ─┐
 frame by frame)  └─▶ acquisition ─────────┴─▶ ranking ──▶ exports     frames worth labelling
                                                 ▲
                          diversity, pictures ───┘
```

`pictures`, `clips` and `exports.writing` read the video; the rest needs NumPy only.
"""
