"""Draw the embedded Shapes data set.

Example: ``python tools/dataset_converters/make_shapes.py data/shapes --num-train 320``
"""

import argparse

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mmsfa.datasets import write_shapes


def parse_args(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Declare and read the options."""
    add = parser.add_argument
    add('out_dir', nargs='?', default='data/shapes', metavar='OUT', help='default: %(default)s')
    add('--num-train', type=int, default=320, help='training pictures (default: %(default)s)')
    add('--num-val', type=int, default=64, help='validation pictures (default: %(default)s)')
    add('--seed', type=int, default=0, help='same seed, same pictures (default: %(default)s)')
    add('--overwrite', action='store_true', help='replace Shapes of other parameters')
    return parser.parse_args()


def main() -> None:
    """Write the data set with a progress bar and say what happened."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args = parse_args(parser)
    columns = TextColumn('drawing'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    try:
        with Progress(*columns, transient=True) as bar:
            task = bar.add_task('drawing', total=args.num_train + args.num_val)
            written = write_shapes(**vars(args), progress=lambda: bar.advance(task))
    except ValueError as error:
        parser.error(str(error))
    if written:
        print(f'{args.out_dir}: {args.num_train} training and {args.num_val} validation pictures')
    else:
        print(f'{args.out_dir}: the same pictures are there already, nothing to do')


if __name__ == '__main__':
    main()
