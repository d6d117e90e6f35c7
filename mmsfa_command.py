"""The command ``mmsfa``: the tools of mmsfa by short names, from any folder.

``mmsfa train CONFIG`` runs the file ``tools/train.py`` of the clone or of the installed wheel with
the arguments behind its name. It stands outside the package, whose import takes seconds.
"""

from __future__ import annotations

import os
import runpy
import sys
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from types import ModuleType
from typing import Any

# name -> (file, what it does)
TOOLS = {
    'demo': ('tools/misc/demo.py', 'train, test and draw a small detector on data of its own'),
    'train': ('tools/train.py', 'train any config'),
    'test': ('tools/test.py', 'test a checkpoint'),
    'predict': ('demo/image_demo.py', 'draw the prediction and the firing map of pictures'),
    'seeds': ('tools/analysis_tools/train_seeds.py', 'train several seeds, and the ANN twin'),
    'dist-train': ('tools/dist_train.sh', 'train with several processes'),
    'dist-test': ('tools/dist_test.sh', 'test with several processes'),
    'slurm-train': ('tools/slurm_train.sh', 'train on a Slurm cluster'),
    'slurm-test': ('tools/slurm_test.sh', 'test on a Slurm cluster'),
    'report': ('tools/analysis_tools/spiking_report.py', 'firing, operations and energy'),
    'check': ('tools/analysis_tools/check_equivalence.py', 'prove that spikes equal integers'),
    'firing-rates': ('tools/analysis_tools/plot_firing_rates.py', 'plot the rate of each neuron'),
    'looks': ('tools/analysis_tools/plot_receptive_field.py', 'draw where attentions look'),
    'flops': ('tools/analysis_tools/get_flops.py', 'parameters and MACs of each part'),
    'benchmark': ('tools/analysis_tools/benchmark.py', 'time and memory of a backbone'),
    'memory': ('tools/analysis_tools/benchmark_memory.py', 'memory of a training step; what fits'),
    'costs': ('tools/analysis_tools/plot_cost.py', 'plot time against pixels'),
    'hook-costs': ('tools/analysis_tools/benchmark_hooks.py', 'what a hook costs in a validation'),
    'step-costs': ('tools/analysis_tools/benchmark_training_hooks.py', 'and in a training step'),
    'logs': ('tools/analysis_tools/analyze_logs.py', 'curves and times of a run'),
    'export': ('tools/deployment/export_onnx.py', 'write ONNX: a whole model, or a part'),
    'export-nir': ('tools/deployment/export_nir.py', 'write NIR, for neuromorphic chips'),
    'publish': ('tools/model_converters/publish_model.py', 'write safetensors and a card'),
    'prune': ('tools/model_compression/prune.py', 'remove channels, write weights and config'),
    'convert': ('tools/model_converters/sdt_v3_to_mmsfa.py', 'convert a published checkpoint'),
    'shapes': ('tools/dataset_converters/make_shapes.py', 'draw the Shapes data set'),
    'check-data': ('tools/misc/verify_dataset.py', 'check every file of a data set'),
    'browse': ('tools/analysis_tools/browse_dataset.py', 'draw what a model is fed'),
    'print-config': ('tools/misc/print_config.py', 'print a whole config, with its bases'),
    'copy': ('tools/misc/copy_config.py', 'begin a config of your own from a shipped one'),
    'check-env': ('tools/misc/check_env.py', 'print the installed stack and what is wrong with it'),
}
CONFIGS = 'list the shipped configs; with WORDs those that hold them all'
HELP = f"""usage: mmsfa COMMAND [arguments]

Spiking transformers on OpenMMLab.

{{}}
  configs       {CONFIGS}

`mmsfa COMMAND --help` shows its arguments. A CONFIG is a file, or the name of a shipped one, such
as configs/det/mask_rcnn_esf_demo.py. All results are written below the current folder."""


def read_module(name: str) -> dict[str, Any]:
    """What a module of the package holds, without the imports of the package itself."""
    spec = find_spec('mmsfa')
    if spec is None or spec.origin is None:
        sys.exit('Python finds the command mmsfa, but not its package: install mmsfa again.')
    return runpy.run_path(str(Path(spec.origin).with_name(f'{name}.py')))


def show_configs(words: list[str]) -> None:
    """Print the names of the shipped configs that hold every word."""
    if wants_help(words):
        print(f'usage: mmsfa configs [WORD ...]\n\n{CONFIGS}')
        return
    names = read_module('shipped')['shipped_configs']()
    found = [name for name in names if all(word in name for word in words)]
    print('\n'.join(found) or f'mmsfa ships no config whose name holds {" and ".join(words)}.')


def wants_help(arguments: list[str]) -> bool:
    """Whether the first argument asks for help."""
    return arguments[:1] in (['-h'], ['--help'])


def run_file(name: str, file: Path, arguments: list[str]) -> None:
    """Do what ``python FILE ARGUMENTS`` does, under the name of the command."""
    sys.argv = [f'mmsfa {name}', *arguments]  # argparse shows it as the program, runpy would not
    module = sys.modules['__main__'] = ModuleType('__main__')
    module.__file__ = str(file)  # processes that are spawned read it
    exec(compile(file.read_bytes(), file, 'exec'), vars(module))  # noqa: S102  a file of our own


def run_script(file: Path, arguments: list[str]) -> None:
    """Hand this process over to a shell script, or show the lines at its top."""
    if wants_help(arguments):
        _, *lines = file.read_text().split('\nset ')[0].splitlines()
        print('\n'.join(line.removeprefix('#').removeprefix(' ') for line in lines))
        return
    bash = which('bash')
    if bash is None:
        sys.exit(f'{file.name} needs the shell bash, and there is none on this machine.')
    os.environ.setdefault('PYTHON', sys.executable)
    os.execv(bash, [bash, str(file), *arguments])  # noqa: S606  signals reach the launcher itself


def main() -> None:
    """Run the command that the arguments of the process name."""
    try:
        run()
        sys.stdout.flush()
    except BrokenPipeError:  # `mmsfa configs | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python flushes once more when it ends
        sys.exit(141)  # as a program ends that this kills


def run() -> None:
    """Find what the first argument names, and run it."""
    name, *arguments = sys.argv[1:] or ['--help']
    if name in TOOLS:
        file = read_module('shipped')['shipped_dir']() / TOOLS[name][0]
        if file.suffix == '.sh':
            run_script(file, arguments)
        else:
            run_file(name, file, arguments)
    elif name == 'configs':
        show_configs(arguments)
    elif name in ('-h', '--help', 'help'):
        print(HELP.format('\n'.join(f'  {name:<13} {what}' for name, (_, what) in TOOLS.items())))
    elif name == '--version':
        print(f'mmsfa {read_module("version")["__version__"]}')
    else:
        near = get_close_matches(name, [*TOOLS, 'configs'], n=1)
        hint = f' Did you mean `mmsfa {near[0]}`?' if near else ''
        sys.exit(f'mmsfa has no command {name!r}.{hint} `mmsfa --help` lists them all.')


if __name__ == '__main__':
    main()
