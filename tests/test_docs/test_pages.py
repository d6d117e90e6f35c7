"""What the pages name is there: places in the navigation, anchors, files, tools, options."""

from __future__ import annotations

import re
import runpy
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

pytest.importorskip('mkdocs', reason='the site needs Python 3.11.5')

ROOT = Path(__file__).parents[2]
HOOKS = SimpleNamespace(**runpy.run_path(str(ROOT / 'docs/hooks.py')))
OUTSIDE = [ROOT / name for name in HOOKS.OUTSIDE]
PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md')), *OUTSIDE]
BLOCK = re.compile(r'^```(\w*).*?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
FILE = re.compile(r'(?<![\w./<*-])([\w-]+/[\w./-]*[\w-]\.(?:py|sh|md|yml))(?![\w/*-])')
TOOLS = [*sorted((ROOT / 'tools').rglob('*.py')), ROOT / 'demo/image_demo.py']
LAUNCHERS = {'dist_train': 'train', 'slurm_train': 'train', 'dist_test': 'test'}


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def without_code(text: str) -> str:
    return BLOCK.sub('', text)


def leaves(nav: object) -> Iterator[str]:
    """The pages of a navigation, however deep."""
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, dict):
        yield from leaves(list(nav.values()))
    else:
        for item in nav:
            yield from leaves(item)


def test_every_page_is_in_the_navigation_once() -> None:
    nav = list(leaves(yaml.safe_load((ROOT / 'mkdocs.yml').read_text())['nav']))
    pages = [str(path.relative_to(ROOT / 'docs')) for path in (ROOT / 'docs').rglob('*.md')]
    assert sorted(nav) == sorted([*pages, *HOOKS.OUTSIDE.values(), *HOOKS.api_pages.pages()])


def test_every_public_module_has_a_place_in_the_api_pages() -> None:
    text = ''.join(HOOKS.api_pages.pages().values())
    named = re.findall(r'^::: (\S+)$', text, re.MULTILINE)
    assert len(named) == len(set(named))
    files = [path for path in (ROOT / 'mmsfa').rglob('*.py') if path.name != '__init__.py']
    public = [
        HOOKS.api_pages.dotted(path)
        for path in files
        if re.search(r'^(class|def) [A-Za-z]', path.read_text(), re.MULTILINE)
    ]
    assert sorted(named) == sorted(public)


@pytest.mark.parametrize(
    ('link', 'page', 'expected'),
    [
        ('../CONTRIBUTING.md', 'extend.md', 'contributing.md'),
        ('../../docs/spiking.md', 'configs/det.md', '../spiking.md'),
        ('../configs/det/README.md', 'index.md', 'configs/det.md'),
        ('docs/events.md', 'changelog.md', 'events.md'),
        ('images/x.jpg', 'spiking.md', 'images/x.jpg'),
    ],
)
def test_a_link_of_the_repository_becomes_one_of_the_site(
    link: str, page: str, expected: str
) -> None:
    assert HOOKS.site_link(link, page) == expected


def anchors(page: Path) -> set[str]:
    """The anchors that headings get on code hosts, and on the site."""
    titles = re.findall(r'^#+ (.+)$', without_code(page.read_text()), re.MULTILINE)
    plain = [re.sub(r'\[([^]]*)\]\([^)]*\)', r'\1', title).lower() for title in titles]
    return {re.sub(r'[^\w -]', '', title).strip().replace(' ', '-') for title in plain}


@pytest.mark.parametrize('page', PAGES, ids=name_of)
def test_anchors_are_there(page: Path) -> None:
    for target, anchor in re.findall(r'\]\(([^)#\s:]*)#([^)\s]+)\)', page.read_text()):
        assert anchor in anchors(page.parent / target if target else page), (target, anchor)


@pytest.mark.parametrize('page', PAGES, ids=name_of)
def test_files_are_there(page: Path) -> None:
    if page.name == 'CHANGELOG.md':  # it also names what was
        return
    places = [ROOT, ROOT / 'tools', ROOT / 'configs', page.parent]
    text = re.sub(r'\]\([^)]*\)|https?://\S+', ' ', page.read_text())
    named = {name for name in FILE.findall(text) if not name.startswith(('work_dirs/', 'data/'))}
    missing = {name for name in named if not any((place / name).exists() for place in places)}
    assert not missing


@pytest.fixture(scope='module')
def options() -> dict[str, set[str]]:
    """The options of each tool, as its own ``--help`` lists them."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        for tool in TOOLS:
            printed: list[str] = []
            patch.setattr(sys, 'argv', [str(tool), '--help'])
            patch.setattr(sys, 'stdout', SimpleNamespace(write=printed.append, flush=lambda: None))
            with pytest.raises(SystemExit, match='0'):
                runpy.run_path(str(tool), run_name='__main__')
            patch.undo()
            found[tool.stem] = set(re.findall(r'--[a-z][\w-]*', ''.join(printed)))
    # Scripts that only our pages of measurements call, and commands below a tool.
    for script in [*(ROOT / 'tests').rglob('*.py'), ROOT / 'tools/analysis_tools/analyze_logs.py']:
        if options_in := set(re.findall(r"add\w*\(\s*'(--[a-z][\w-]*)'", script.read_text())):
            found.setdefault(script.stem, set()).update(options_in)
    return found


def calls(text: str) -> Iterator[tuple[str, list[str]]]:
    """(stem of a tool, its options) of each command in the shell blocks of a page."""
    shell = '\n'.join(block for language, block in BLOCK.findall(text) if language == 'shell')
    for line in shell.replace('\\\n', ' ').splitlines():
        words = shlex.split(line, comments=True)
        tools = [word for word in words if re.fullmatch(r'(tools|demo)/[\w/]+\.(py|sh)', word)]
        for tool in tools[:1]:
            after = words[words.index(tool) :]
            stem = Path(tool).stem
            yield LAUNCHERS.get(stem, stem), [word for word in after if word.startswith('--')]


@pytest.mark.parametrize('page', PAGES, ids=name_of)
def test_options_are_there(page: Path, options: dict[str, set[str]]) -> None:
    text = page.read_text()
    for tool, given in calls(text):
        assert {option.partition('=')[0] for option in given} <= options[tool], tool
    if page.name == 'CHANGELOG.md':
        return
    inline = re.findall(r'`([^`\n]+)`', without_code(text))
    ours = [
        code for code in inline if not code.startswith(('pip', 'python tests', 'docker', 'PYTEST_'))
    ]
    named = {option for code in ours for option in re.findall(r'(?<![\w-])--[a-z][\w-]*', code)}
    assert named <= set().union(*options.values())
