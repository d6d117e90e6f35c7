r"""Export the convolution stages of a trained E-SpikeFormer to NIR and prove that they are equal.

NIR, the Neuromorphic Intermediate Representation, is the exchange format of neuromorphic chips and
simulators: https://neuroir.org. What it cannot say exactly, such as attention, is refused by name.
The file is written in float64, read back and run on a test picture: every spike of every neuron
must be the model's own, and the last map too, else nothing is written. See docs/nir.md.

Example:
    python tools/deployment/export_nir.py configs/cls/esf_tiny_flowers5.py \
        work_dirs/esf_tiny_flowers5/epoch_60.pth --out flowers5.nir
"""

from __future__ import annotations

import mmsfa  # noqa: F401  first: it says what is wrong with an installation

# isort: split

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from mmsfa.apis.trained_model import load_trained, picture_loader
from mmsfa.cli.options import add_model_options, read_config, run_tool
from mmsfa.compat import require_extra
from mmsfa.errors import UserError

if TYPE_CHECKING:
    import nir

    from mmsfa.backbones import ESpikeFormer
    from mmsfa.export.nir.check import SpikeAgreement


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_model_options(parser, device=False)
    parser.add_argument('--out', type=Path, required=True, help='where to write, FILE.nir')
    parser.add_argument(
        '--stages', type=int, help='leading stages to export; default: all before the attention'
    )
    parser.add_argument(
        '--keep-groups',
        action='store_true',
        help='write depthwise convolutions as such: smaller, but readers need type_check=False',
    )
    args = parser.parse_args()
    if args.out.suffix != '.nir':
        parser.error(f'--out must end in .nir, got {args.out}')
    return args


def backbone_and_picture(args: argparse.Namespace) -> tuple[ESpikeFormer, Tensor]:
    """The trained backbone and the first test picture as it sees it, both in float64."""
    cfg = read_config(args)
    model = load_trained(cfg, args.checkpoint)
    (batch,) = picture_loader(cfg, 1)
    with torch.no_grad():
        picture = model.data_preprocessor(batch, False)['inputs']
    return model.backbone.double(), picture.double()


def node_table(graph: nir.NIRGraph, agreement: SpikeAgreement) -> Table:
    """One row a node."""
    table = Table(title='NIR graph')
    table.add_column('node', overflow='fold')
    for column in ('type', 'output (C, H, W)', 'geometry'):
        table.add_column(column)
    for column in ('spikes', 'different'):
        table.add_column(column, justify='right')
    for name, node in graph.nodes.items():
        what = spikes = different = ''
        if type(node).__name__ == 'Conv2d':
            size = 'x'.join(map(str, node.weight.shape[2:]))
            what = f'{size} stride {node.stride[0]} pad {node.padding[0]}'
            if node.metadata['groups'] > 1:
                what += f' groups {node.metadata["groups"]}'
        elif name in agreement.spikes:
            what = f'D {node.metadata["D"]} {node.metadata["rounding"]}'
            spikes, different = str(agreement.spikes[name]), str(agreement.different[name])
        shape = ', '.join(map(str, node.output_type['output']))
        table.add_row(name, type(node).__name__, shape, what, spikes, different)
    return table


def main() -> None:
    """Export, read back, compare, print."""
    args = parse_args()
    require_extra('export', 'nir', 'nirtorch')
    import nir

    from mmsfa.export.nir.check import compare_spikes
    from mmsfa.export.nir.export import export_nir
    from mmsfa.export.nir.network import NirNetwork

    backbone, picture = backbone_and_picture(args)
    console = Console()
    with console.status('export'):
        graph = export_nir(backbone, picture.shape[1:], args.stages, args.keep_groups)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=args.out.parent, prefix='.export_nir_') as folder:
        written = Path(folder, args.out.name)
        with console.status('write, read back and compare'):
            nir.write(written, graph)
            agreement = compare_spikes(backbone, NirNetwork(written), picture)
        console.print(node_table(graph, agreement))
        different, spikes = sum(agreement.different.values()), sum(agreement.spikes.values())
        if different:
            raise UserError(
                f'{different} spikes differ between the model and the graph (last column above), '
                f'of {spikes}: {args.out} was not written.'
            )
        if not agreement.same_map:
            raise UserError(
                f'All spikes are equal, but the last maps differ by {agreement.largest_error:.1e} '
                f'(their largest value is {agreement.largest_value:.1e}): {args.out} was not '
                'written.'
            )
        written.replace(args.out)
    size = args.out.stat().st_size / 1e6
    print(
        f'All {spikes} spikes of {len(agreement.spikes)} layers are identical, the maps to '
        f'{agreement.largest_error:.1e}.\n'
        f'Written to {args.out}, {size:.1f} MB, float64: one time step a picture, dt = 1.'
    )


if __name__ == '__main__':
    run_tool(main)
