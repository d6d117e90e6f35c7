"""What mkdocs does beyond its options: pages of the repository that lie outside of ``docs``.

CONTRIBUTING, CHANGELOG and the tables of configs are read where they are, so that each fact has one
place. Links between them and the pages are written for a reader of the repository; here they become
links of the site.
"""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parent))
import api_pages

TASKS = ('det', 'seg', 'cls', 'mim', 'dvs', 'signal')
# From the root of the repository, to the place in the site.
OUTSIDE = {
    'CONTRIBUTING.md': 'contributing.md',
    'CHANGELOG.md': 'changelog.md',
    **{f'configs/{task}/README.md': f'configs/{task}.md' for task in TASKS},
}
FROM = {place: source for source, place in OUTSIDE.items()}
LINK = re.compile(r'(\]\()([^)\s#:]+)((?:#[^)\s]*)?\))')


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie outside of ``docs``, and those written from the docstrings."""
    root = posixpath.dirname(config.config_file_path)
    for source, place in OUTSIDE.items():
        files.append(File.generated(config, place, abs_src_path=f'{root}/{source}'))
    for place, text in api_pages.pages().items():
        files.append(File.generated(config, place, content=text))
    return files


def site_link(link: str, page: str) -> str:
    """A link of the repository, seen from ``page`` of the site.

    Args:
        link: Relative link as the file has it, without its anchor.
        page: Place of the page in the site, such as ``'configs/det.md'``.
    """
    source = FROM.get(page, f'docs/{page}')
    target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
    place = OUTSIDE.get(target, target.removeprefix('docs/'))
    return posixpath.relpath(place, posixpath.dirname(page) or '.')


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn the links of a page into links of the site."""
    place = page.file.src_uri
    return LINK.sub(
        lambda found: found[1] + site_link(found[2], place) + found[3],
        markdown,
    )
