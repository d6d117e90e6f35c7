"""Torchvision imports after mmsfa, whatever torch it was built for."""


def test_torchvision_without_its_extension_is_repaired(environment):
    environment.remove('torchvision/_C*')
    alone = environment.run('-c', 'import torchvision')
    assert 'torchvision::nms does not exist' in alone.stderr
    result = environment.run('-c', 'import mmsfa; import torchvision, mmpretrain.models; print(1)')
    assert result.returncode == 0, result.stderr


def test_torchvision_imports_after_mmsfa(run_python):
    result = run_python('-c', 'import mmsfa; import torchvision; torchvision.transforms.Resize(2)')
    assert result.returncode == 0, result.stderr
