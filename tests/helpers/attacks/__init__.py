"""Checkpoint files as an attacker would write them: each runs code, writes or fills the memory.

`write_all` makes every one in a folder. The code that they carry makes the file `marker`.
"""

from __future__ import annotations

from pathlib import Path

from tests.helpers.attacks.code import (
    build,
    eval_in_the_message_hub,
    extension_code,
    getattr_chain,
    legacy,
    legacy_persistent_module,
    objects_of_numpy,
    persistent_module,
    persistent_path,
    persistent_text,
    pickle_in_a_storage,
    pickle_in_meta,
    plain_pickle,
    protocol_4,
    reduce,
    tar,
    torchscript,
)
from tests.helpers.attacks.safetensors_files import (
    st_huge_header,
    st_is_a_pickle,
    st_is_an_archive,
    st_meta_is_deep,
    st_meta_is_infinite,
    st_meta_is_junk,
    st_negative,
    st_no_json,
    st_out_of_range,
    st_overlap,
    st_shape_overflows,
)
from tests.helpers.attacks.sizes import (
    bytearrays,
    expanded_tensor,
    nested_lists,
    new_tensor,
    sparse_tensor,
    storage_beyond_its_record,
    terabytes_in_a_legacy_storage,
    terabytes_in_a_storage,
    terabytes_in_the_directory,
    two_pickles,
    zip_bomb,
    zip_slip,
)

CODE = [
    reduce, build, pickle_in_a_storage, pickle_in_meta, eval_in_the_message_hub, getattr_chain,
    protocol_4, extension_code, objects_of_numpy, legacy, plain_pickle, tar, torchscript,
]  # fmt: skip
IDS = [persistent_module, legacy_persistent_module, persistent_text, persistent_path]
SIZES = [
    zip_slip, two_pickles, zip_bomb, terabytes_in_the_directory, terabytes_in_a_storage,
    storage_beyond_its_record, terabytes_in_a_legacy_storage, expanded_tensor, sparse_tensor,
    new_tensor, bytearrays, nested_lists,
]  # fmt: skip
SAFETENSORS = [
    st_is_a_pickle, st_is_an_archive, st_huge_header, st_overlap, st_out_of_range, st_negative,
    st_shape_overflows, st_no_json, st_meta_is_junk, st_meta_is_infinite, st_meta_is_deep,
]  # fmt: skip
ATTACKS = {attack.__name__: attack for attack in (*CODE, *IDS, *SIZES, *SAFETENSORS)}


def write_all(folder: Path, marker: Path) -> list[Path]:
    """Write every attack into a folder.

    Args:
        folder: Is made.
        marker: The file that the code would make.
    """
    folder.mkdir(parents=True)
    paths = []
    for attack in ATTACKS.values():
        suffix = '.safetensors' if attack in SAFETENSORS else '.pth'
        paths.append(folder / (attack.__name__ + suffix))
        attack(paths[-1], marker)
    return paths
