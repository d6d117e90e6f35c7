"""The report as one HTML page that needs nothing else: no network, no script."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from jinja2 import Environment
from matplotlib.figure import Figure
from PIL import Image

from .summary import Report, name_of, names_of, summary
from .tables import (
    headline_table,
    neuron_table,
    operation_table,
    remark_table,
    settings_table,
    totals_table,
)
from .template import PAGE


@dataclass(frozen=True)
class Plot:
    """A picture in the page.

    Attributes:
        caption: What it shows.
        png: The file.
        width: Pixels on the screen.
    """

    caption: str
    png: bytes
    width: int

    @classmethod
    def of(cls, figure: Figure, caption: str, photo: bool = False) -> Plot:
        """Draw a figure.

        Args:
            figure: Its size in inches is its size on the screen, at 100 pixels an inch.
            caption: What it shows.
            photo: Whether it needs more than 256 colours, at three times the bytes.
        """
        figure.savefig(file := BytesIO(), format='png')
        image = Image.open(file).convert('RGB')
        image = image if photo else image.quantize(256)
        image.save(file := BytesIO(), format='png', optimize=True)
        return cls(caption, file.getvalue(), round(100 * figure.get_figwidth()))

    @property
    def uri(self) -> str:
        """The file as a data URI."""
        return f'data:image/png;base64,{b64encode(self.png).decode()}'


def render_page(
    reports: list[Report],
    common: list[Plot],
    plots: list[list[Plot]],
    notes: list[str] | None = None,
) -> str:
    """The page of one model, or of two side by side.

    Args:
        reports: What `mmsfa.apis.measure.measure` gave for each model.
        common: Plots of all models together.
        plots: Plots of each model.
        notes: For each model what cannot be shown, and why; may be empty.

    Returns:
        HTML; names are escaped.
    """
    models: list[dict[str, Any]] = [
        dict(
            name=name,
            summary=summary(report),
            plots=mine,
            note=note,
            remarks=remark_table(report),
            details=[neuron_table(report), operation_table(report)],
            settings=settings_table(report),
        )
        for name, report, mine, note in zip(
            names_of(reports), reports, plots, notes or [''] * len(reports), strict=True
        )
    ]
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(PAGE).render(
        title=' and '.join(map(name_of, reports)),
        models=models,
        common=common,
        headline=headline_table(reports),
        totals=totals_table(reports),
        costs=reports[0]['settings'],
    )
