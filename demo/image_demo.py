"""Show pictures to a trained model: what it predicts and where its backbone fires.

Each picture becomes one PNG with the prediction on the left and the firing map on the right: mean
count / D over the channels and neuron layers of the backbone. Detectors, segmentors and
classifiers; a classifier sees a crop of the picture, which is what is shown. Of a video each frame
is shown, and becomes one of a video.

Example:
    python demo/image_demo.py photo.jpg configs/det/mask_rcnn_esf_demo.py epoch_7.pth --out shown
"""

from __future__ import annotations

import mmsfa  # noqa: F401  first: it says what is wrong with an installation

# isort: split

import argparse
from pathlib import Path

from rich.progress import track

from mmsfa.apis.trained_model import load_trained
from mmsfa.cli.options import add_model_options, read_config, run_tool
from mmsfa.visualization.pictures import free_target, made_of, output_files, picture_files
from mmsfa.visualization.side_by_side import side_by_side
from mmsfa.visualization.spiking_view import Viewer
from mmsfa.visualization.video import is_video, write_video


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('img', type=Path, help='a picture, a folder of pictures, or a video')
    add_model_options(parser)
    parser.add_argument(
        '--out', type=Path, required=True, help='folder for the PNG files or the video'
    )
    parser.add_argument(
        '--score-thr', type=float, default=0.3, help='lowest score of a drawn detection'
    )
    return parser.parse_args()


def main() -> None:
    """Draw every picture."""
    args = parse_args()
    video = is_video(args.img)
    files = [] if video else picture_files(args.img)
    cfg = read_config(args)
    viewer = Viewer(cfg, load_trained(cfg, args.checkpoint, args.device), args.score_thr)
    if video:
        number, target = write_video(viewer, args.img, args.out)
        print(f'{number} frame(s) are in {target}')
        return
    targets = output_files(files, args.img, args.out)
    for file, plain in zip(track(files, 'pictures'), targets, strict=True):
        plain.parent.mkdir(parents=True, exist_ok=True)
        target = free_target(plain, file)
        side_by_side(viewer.look(file)).savefig(target, metadata=made_of(file))
        if target != plain:
            print(f'{plain} is of another picture and stays: that of {file} is {target.name}')
    print(f'{len(files)} picture(s) are in {args.out}')


if __name__ == '__main__':
    run_tool(main)
