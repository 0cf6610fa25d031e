"""The benchmark of camera motion on a small world of its own: a walker before structured ground."""

from __future__ import annotations

import numpy as np
import pytest

from scripts import benchmark_camera_motion as script

cv2 = pytest.importorskip("cv2")
pytest.importorskip("trackeval")


def test_the_motion_is_made_found_and_of_use(tmp_path, capsys):
    rng = np.random.default_rng(0)
    ground = cv2.resize(rng.uniform(0, 255, (45, 60, 3)), (480, 360), interpolation=cv2.INTER_CUBIC)
    ground = np.clip(ground, 0, 255).astype(np.uint8)
    pictures, rows, found = tmp_path / "pictures", [], []
    pictures.mkdir()
    for k in range(24):
        image, x = ground.copy(), 200 + 2 * k
        image[140:220, x : x + 30] = (200, 30, 30)
        cv2.imwrite(str(pictures / f"{k:03d}.png"), image)
        rows.append(f"{k + 1},1,{x},140,30,80,1,1,1")
        found.append(f"{k + 1},-1,{x},140,30,80,0.8,-1,-1,-1")
    (tmp_path / "gt.txt").write_text("\n".join(rows))
    (tmp_path / "det.txt").write_text("\n".join(found))
    (tmp_path / "seqinfo.ini").write_text(
        "[Sequence]\nname=a\nframeRate=10\nseqLength=24\nimWidth=480\nimHeight=360\n"
    )
    options = [str(pictures), str(tmp_path), str(tmp_path / "out"), "--motions", "shake"]
    assert script.main(options) == 0
    table = [
        line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines() if "| sha" in line
    ]
    assert [row[1].strip() for row in table] == list(script.WAYS)
    assert all(0.0 <= float(cell) <= 1.0 for row in table for cell in row[2:])
    assert float(table[1][2]) == pytest.approx(float(table[2][2]), abs=0.05)
