"""Docstrings for the API pages: Sphinx roles become links, formulas MathML, code blocks fenced."""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import dedent
from typing import Any

import griffe
from latex2mathml.converter import convert

ROLE = re.compile(r':[a-z]+:`([^`]+)`')
MATH = re.compile(r'^\.\. math:: (.+(?:\n +.+)*)', re.MULTILINE)
INLINE_MATH = re.compile(r':math:`([^`]+)`')
SHAPE = re.compile(r'^Shape:\n((?: {4}.*\n?|\n)+)', re.MULTILINE)
EXAMPLE = re.compile(r'^Example:$', re.MULTILINE)  # griffe knows the plural only
CODE = re.compile(r'(`[^`]+`|``.+?``)')
PRODUCT = re.compile(r'(?<=\w)\*(?=\w)')
BLOCK = re.compile(r'::\n\n((?: {4}.*\n|\n)*(?: {4}.*))')
SHAPE_TITLE = '<span class="doc-section-title">Shape:</span>'


class Docstrings(griffe.Extension):
    """Rewrites the docstrings of mmsfa once the whole package is read."""

    def on_package(self, *, pkg: griffe.Module, **kwargs: Any) -> None:
        """Rewrite every docstring of a package."""
        for thing in everything_in(pkg):
            if thing.docstring:
                thing.docstring.value = as_markdown(thing.docstring.value, thing)


def everything_in(thing: griffe.Object) -> Iterator[griffe.Object]:
    """An object and all that is defined in it; what it only imports is left out."""
    yield thing
    for member in thing.members.values():
        if not member.is_alias:
            yield from everything_in(member)


def as_markdown(text: str, where: griffe.Object) -> str:
    """The docstring of an object, with Markdown in place of reStructuredText."""
    text = INLINE_MATH.sub(lambda found: convert(found[1]), text)
    text = MATH.sub(lambda found: convert(found[1], display='block') + '\n', text)
    text = SHAPE.sub(lambda found: f'{SHAPE_TITLE}\n\n{dedent(found[1])}', text)
    text = EXAMPLE.sub('Examples:', text)
    text = ''.join(map(escaped, CODE.split(text)))
    text = BLOCK.sub(lambda found: ':\n\n' + found[1], text)
    return ROLE.sub(lambda found: link(found[1], where), text)


def escaped(text: str) -> str:
    """Text between two pieces of code, in which a star is a product (T*B) and no emphasis."""
    return text if text.startswith('`') else PRODUCT.sub(r'\*', text)


def link(name: str, where: griffe.Object) -> str:
    """A link to what a role names, or its name as code where it has no page."""
    shown = name.removeprefix('~')
    target = found_from(shown, where)
    return f'[`{shown.rpartition(".")[2]}`][{target.canonical_path}]' if target else f'`{shown}`'


def found_from(name: str, where: griffe.Object) -> griffe.Object | None:
    """What a name means at a place; ``None`` where it is private or of another package."""
    package = where.package
    try:
        path = name if name.startswith('mmsfa.') else where.resolve(name)
        found = package[path.removeprefix('mmsfa.')] if path.startswith('mmsfa.') else None
        found = found.final_target if found is not None and found.is_alias else found
    except (griffe.GriffeError, KeyError):
        return None
    if found is None or not (found.is_module or found.docstring):
        return None
    return None if '._' in found.canonical_path else found
