"""Colours for track ids that people with any kind of colour vision can tell apart.

The set of Okabe and Ito ("Color Universal Design", 2008) without black, then the same hues
lighter: neighbours in the list differ in brightness as well as in hue.
"""

from __future__ import annotations

__all__ = ["TENTATIVE", "Colour", "colour_of", "ink_on", "lighter"]

Colour = tuple[int, int, int]

_PALETTE: tuple[Colour, ...] = (
    (230, 159, 0),  # orange
    (86, 180, 233),  # sky blue
    (0, 158, 115),  # bluish green
    (240, 228, 66),  # yellow
    (0, 114, 178),  # blue
    (213, 94, 0),  # vermilion
    (204, 121, 167),  # reddish purple
    (255, 205, 110),  # light orange
    (170, 217, 244),  # light sky blue
    (102, 206, 176),  # light green
    (246, 241, 160),  # light yellow
    (94, 166, 214),  # light blue
    (244, 158, 98),  # light vermilion
    (230, 184, 209),  # light purple
)
# What is not believed has no colour yet.
TENTATIVE: Colour = (214, 214, 214)


def colour_of(track_id: int) -> Colour:
    """Colour of a track, the same in every frame.

    Example:
        >>> colour_of(0), colour_of(14) == colour_of(0)
        ((230, 159, 0), True)
    """
    return _PALETTE[track_id % len(_PALETTE)]


def ink_on(colour: Colour) -> Colour:
    """Black or white: which of the two reads better on a colour.

    Example:
        >>> ink_on((240, 228, 66)), ink_on((0, 114, 178))
        ((16, 16, 16), (255, 255, 255))
    """
    red, green, blue = colour
    bright = 0.299 * red + 0.587 * green + 0.114 * blue > 125
    return (16, 16, 16) if bright else (255, 255, 255)


def lighter(colour: Colour) -> Colour:
    """The colour half way to white: readable on dark ground.

    Example:
        >>> lighter((213, 94, 0))
        (234, 174, 127)
    """
    red, green, blue = ((255 + part) // 2 for part in colour)
    return red, green, blue
