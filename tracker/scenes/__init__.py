"""A drawn street with known truth: for the demo, for the tests, and for training the bundled model.

| module | what it does |
|---|---|
| `world` | a whole street: frame by frame the picture and what is really in it |
| `plan` | who comes past when and where, what stands in the way |
| `backdrop` | the empty street |
| `walker`, `things` | the figures, and what is no figure |
| `patch` | the board that both are drawn on |

Nothing here reads or writes video; OpenCV is imported inside the functions that draw with it.
"""
