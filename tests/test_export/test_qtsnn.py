"""What exports to other formats say of a network of signed spikes over a signal."""

from __future__ import annotations

import pytest

from mmsfa.backbones import QTSNN
from mmsfa.errors import OptionError


def test_onnx_names_another_way() -> None:
    export = pytest.importorskip('mmsfa.export.onnx.export')
    with pytest.raises(OptionError, match=r'QTSNN takes signals .*integer_ternary'):
        export.export_module(QTSNN(2, (4,), strides=1).eval())


def test_nir_refuses() -> None:
    export = pytest.importorskip('mmsfa.export.nir.export')
    with pytest.raises(ValueError, match='got QTSNN'):
        export.export_nir(QTSNN(2, (4,), strides=1).eval(), (4, 1, 16))
