"""Labels as "CVAT for images 1.1": one XML file that CVAT takes for a task with these pictures.

Predicted boxes are marked as occluded. `track_id`, `score` and `existence` are attributes of the
boxes; CVAT keeps those that the task's labels have, under the same names.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from tracker.files import write_whole
from tracker.formats.base import label, probability
from tracker.review.labels import LabelledImage

__all__ = ["write_cvat"]

_ATTRIBUTES = ("track_id", "score", "existence")


def write_cvat(
    folder: Path, images: Sequence[LabelledImage], class_names: Sequence[str]
) -> list[Path]:
    """Write `cvat.xml`.

    Raises:
        InputError: A class has no name.
        OSError: It cannot be written.
    """
    root = Element("annotations")
    _text(root, "version", "1.1")
    root.append(_meta(len(images), class_names))
    for number, image in enumerate(images):
        root.append(_image(number, image, class_names))
    indent(root)
    path = folder / "cvat.xml"
    text = tostring(root, encoding="unicode")
    write_whole(path, f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n')
    return [path]


def _meta(count: int, class_names: Sequence[str]) -> Element:
    """What the task is about: its labels and their attributes."""
    meta = Element("meta")
    task = SubElement(meta, "task")
    for name, value in (
        ("name", "conftrack"),
        ("size", str(count)),
        ("mode", "annotation"),
        ("overlap", "0"),
        ("flipped", "False"),
    ):
        _text(task, name, value)
    labels = SubElement(task, "labels")
    for name in class_names:
        one = SubElement(labels, "label")
        _text(one, "name", name)
        _text(one, "type", "rectangle")
        attributes = SubElement(one, "attributes")
        for key in _ATTRIBUTES:
            attribute = SubElement(attributes, "attribute")
            for what, value in (
                ("name", key),
                ("mutable", "False"),
                ("input_type", "text"),
                ("default_value", ""),
                ("values", ""),
            ):
                _text(attribute, what, value)
    return meta


def _image(number: int, image: LabelledImage, class_names: Sequence[str]) -> Element:
    one = Element(
        "image",
        id=str(number),
        name=image.file_name,
        width=str(image.width),
        height=str(image.height),
    )
    score, existence = probability(image.score), probability(image.existence)
    for k, corners in enumerate(image.xyxy.tolist()):
        places = [f"{v:.2f}" for v in corners]
        given = {
            "label": label(class_names, int(image.class_id[k])),
            "source": "auto",
            "occluded": "0" if image.seen[k] else "1",
            **dict(zip(("xtl", "ytl", "xbr", "ybr"), places, strict=True)),
            "z_order": "0",
        }
        box = SubElement(one, "box", given)
        for key, value in zip(
            _ATTRIBUTES, (int(image.track_id[k]), score[k], existence[k]), strict=True
        ):
            attribute = SubElement(box, "attribute", name=key)
            attribute.text = str(value)
    return one


def _text(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = text
