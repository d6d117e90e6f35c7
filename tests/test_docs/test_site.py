"""The built site: a broken link stops it, nothing comes from other hosts, docstrings are whole."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

griffe = pytest.importorskip('griffe', reason='the site needs Python 3.11.5')

ROOT = Path(__file__).parents[2]
DOCSTRINGS = SimpleNamespace(**runpy.run_path(str(ROOT / 'docs/docstrings.py')))


def build(config: Path, site: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, '-m', 'mkdocs', 'build', '--strict', '-f', config, '-d', site]
    return subprocess.run(command, cwd=config.parent, capture_output=True, text=True, timeout=500)


@pytest.fixture(scope='module')
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, as `make docs` builds it."""
    path = tmp_path_factory.mktemp('site')
    done = build(ROOT / 'mkdocs.yml', path)
    assert done.returncode == 0, done.stderr
    return path


@pytest.mark.slow
def test_nothing_is_fetched_from_another_host(site: Path) -> None:
    pages = {path: path.read_text() for path in site.rglob('*.html')}
    assert len(pages) > 40
    fetched = r'<(?:script|img|link|iframe|source)[^>]*\s(?:src|href)="(?:https?:)?//[^"]*"'
    assert {
        path.name: found for path, text in pages.items() if (found := re.findall(fetched, text))
    } == {}
    styles = ''.join(path.read_text() for path in site.rglob('*.css'))
    assert re.findall(r'url\(["\']?(?:https?:)?//[^)]*', styles) == []


@pytest.mark.slow
def test_docstrings_are_written_for_the_web(site: Path) -> None:
    text = ''.join(path.read_text() for path in (site / 'api').glob('*.html'))
    assert re.findall(r':(?:class|func|meth|mod|attr):', text) == []
    assert '.. math' not in text and '<math' in text
    neuron = (site / 'api/neurons.html').read_text()
    assert 'id="mmsfa.neurons.sfa.SFA"' in neuron and '>Shape:</span>' in neuron
    assert 'href="#mmsfa.neurons.functional"' in neuron
    spiking = (site / 'api/spiking.measure.html').read_text()
    assert re.search(r'class="doc-section-title">Examples:(.|\n){1,200}class="highlight"', spiking)


@pytest.mark.parametrize('link', ['nowhere.md', 'index.md#nowhere', '../nowhere.md'])
def test_a_broken_link_is_an_error(link: str, tmp_path: Path) -> None:
    (tmp_path / 'docs').mkdir()
    (tmp_path / 'docs/index.md').write_text(f'# Title\n\n[a link]({link})\n')
    shipped = (ROOT / 'mkdocs.yml').read_text()
    validation = re.search(r'^validation:\n(?: .*\n)+', shipped, re.MULTILINE)[0]
    (tmp_path / 'mkdocs.yml').write_text('site_name: x\n' + validation)
    done = build(tmp_path / 'mkdocs.yml', tmp_path / 'site')
    assert done.returncode == 1 and 'nowhere' in done.stderr


@pytest.fixture(scope='module')
def neuron() -> object:
    return griffe.load('mmsfa', search_paths=[str(ROOT)])['neurons.sfa.SFA']


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        (':class:`SpikingNeuron`', '[`SpikingNeuron`][mmsfa.neurons.base.SpikingNeuron]'),
        (':mod:`mmsfa.neurons.functional`', '[`functional`][mmsfa.neurons.functional]'),
        (':class:`Tensor`', '`Tensor`'),
        (':func:`mmsfa.no.such_thing`', '`mmsfa.no.such_thing`'),
        ('(T*B, C) and `T*B`', r'(T\*B, C) and `T*B`'),
        ('``a*b`` x*y', r'``a*b`` x\*y'),
    ],
)
def test_docstrings_become_markdown(text: str, expected: str, neuron: object) -> None:
    assert DOCSTRINGS.as_markdown(text, neuron) == expected


def test_formulas_and_shapes_become_markdown(neuron: object) -> None:
    text = DOCSTRINGS.as_markdown('.. math:: a +\n    b\n\nShape:\n    - Input: x.\n', neuron)
    assert text.count('<math') == text.count('display="block"') == 1
    assert text.endswith('Shape:</span>\n\n- Input: x.\n')
