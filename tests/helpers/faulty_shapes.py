"""A copy of the Shapes data set with known faults."""

from __future__ import annotations

import json
import shutil
from pathlib import Path


def faulty_shapes(shapes_dir: Path, root: Path) -> Path:
    """Shapes with four faults in the validation pictures and two in the training annotations."""
    shutil.copytree(shapes_dir, root)
    pictures = sorted((root / 'images/validation').iterdir())
    pictures[0].unlink()
    pictures[1].write_bytes(b'')
    pictures[2].write_bytes(b'junk')
    pictures[3].write_bytes(pictures[3].read_bytes()[:-100])
    path = root / 'annotations/instances_train.json'
    content = json.loads(path.read_text())
    content['annotations'][0]['bbox'] = [500, 500, 20, 20]
    content['annotations'][-1]['segmentation'] = []
    path.write_text(json.dumps(content))
    return root
