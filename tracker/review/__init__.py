"""People in the loop: which tracks to look at, which frames to label.

```
runs.read_run ──▶ Run ──┬─▶ lives ──┬─▶ triage ──▶ clips, page     yes, maybe, no of each track
(or RunBuilder)         │           └─▶ signals ─┐
                        └─▶ acquisition ─────────┴▶ ranking ──▶ exports   frames worth labelling
                                                       ▲
                                    diversity, pictures ┘
```

The core (`runs`, `lives`, `acquisition`, `signals`, `diversity`, `ranking`, `decisions`, `triage`,
`labels`) needs NumPy only; `pictures`, `clips` and `exports.writing` read the video.
"""
