"""A checkpoint hook that no kill, full disk or power cut can rob of its last good file."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch.nn.parallel import DistributedDataParallel

from mmsfa.checkpoint.saving.atomic_write import NAME, atomic_write, remove_partial_files
from mmsfa.checkpoint.saving.deferred_removals import DeferredRemovals, remove
from mmsfa.checkpoint.saving.newest_checkpoint import POINTER, newest_resumable
from mmsfa.engine.measured import is_measured
from mmsfa.engine.plain_model import plain_model
from mmsfa.errors import UserError

_LOCAL = dict(backend='local')


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """mmengine's ``CheckpointHook`` with every option of it, made safe.

    A checkpoint is written to a temporary file, flushed and renamed; then ``last_checkpoint`` is
    written the same way; only then are older files deleted. So ``max_keep_ckpts`` and ``save_best``
    need room for one more file than they keep. A run with ``resume=True`` goes on from the newest
    file that is whole and fits the model.

    A metric that measured nothing (NaN, the -1 of COCO, what `MetricCheckHook` calls trivial) never
    makes a checkpoint the best one.

    With a ``backend_args`` that names another storage, that storage writes the checkpoints.
    """

    out_dir: str | None
    backend_args: dict | None
    max_keep_ckpts: int

    def before_run(self, runner: Runner) -> None:
        """Choose what to resume from, on rank 0 for all."""
        if not isinstance(runner, Runner) or runner._has_loaded:
            return
        if not runner._resume or runner._load_from is not None:
            return
        answer: list[Any] = [None, None]
        if is_main_process():
            try:
                answer[0] = newest_resumable(runner.work_dir, _comparable(runner), self.out_dir)
            except (UserError, OSError) as error:
                answer[1] = error
        broadcast_object_list(answer)
        path, failure = answer
        if failure is not None:
            raise failure
        if path is not None:
            runner._load_from = path
            runner.logger.info('Auto resumed from the latest checkpoint %s.', path)

    def before_train(self, runner: Runner) -> None:
        """Set up the file backend; remove what killed runs were writing."""
        if self.out_dir is not None:
            self.out_dir = str(self.out_dir)
        is_local = '://' not in (self.out_dir or runner.work_dir)
        if is_local and not self.file_client_args and self.backend_args in (None, {}, _LOCAL):
            self.backend_args = dict(backend=NAME)
        # The stock hook would delete outdated files now, before this run has saved anything.
        keep, self.max_keep_ckpts = self.max_keep_ckpts, -1
        super().before_train(runner)
        self.max_keep_ckpts = keep
        self.keep_ckpt_ids = deque(runner.message_hub.get_info('keep_ckpt_ids', []))
        if is_main_process():
            for folder in {runner.work_dir, self.out_dir if is_local else runner.work_dir}:
                remove_partial_files(folder)

    def _before_save(self, runner: Runner) -> None:
        """Let hooks gather what they will add to the checkpoint; runs on every rank."""
        for hook in runner.hooks:
            if hasattr(hook, 'before_collective_save'):
                hook.before_collective_save(runner)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        """Save, point to it, then delete what is outdated."""
        name = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        if self.max_keep_ckpts > 0:
            if step in self.keep_ckpt_ids:  # `save_best` saves it again
                self.keep_ckpt_ids.remove(step)
            self.keep_ckpt_ids.append(step)
            # with the outdated one: should this run be killed now, the next one will delete it
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        self._before_save(runner)
        runner.save_checkpoint(
            self.out_dir,
            name,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if is_main_process():
            atomic_write(Path(runner.work_dir, POINTER), self.last_ckpt.encode())
        self._delete_outdated(runner)

    def _delete_outdated(self, runner: Runner) -> None:
        if self.max_keep_ckpts <= 0:
            return
        while len(self.keep_ckpt_ids) > self.max_keep_ckpts:
            name = self.filename_tmpl.format(self.keep_ckpt_ids.popleft())
            if is_main_process():
                remove(self.file_backend, self.file_backend.join_path(self.out_dir, name))
        runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        """Save the best one, and only then remove the one that was best before."""
        backend = getattr(self, 'file_backend', None)
        if backend is None or not self.save_best:  # a validation by itself has nothing to save
            return
        self.file_backend = deferred = DeferredRemovals(backend)
        try:
            super()._save_best_checkpoint(runner, self._measured(runner, metrics))
        finally:
            self.file_backend = backend
        written = [self.last_ckpt, getattr(self, 'best_ckpt_path', None)]
        written += getattr(self, 'best_ckpt_path_dict', {}).values()
        if is_main_process():
            deferred.run(keep={str(path) for path in written})

    def _measured(self, runner: Runner, metrics: dict[str, Any]) -> dict[str, Any]:
        """The metrics, with None for those that measured nothing: the stock hook skips None."""
        trivial = {name for hook in runner.hooks for name in getattr(hook, 'trivial', ())}
        empty = {
            name
            for name, value in metrics.items()
            if name in trivial or not is_measured(name, value)
        }
        names = [next(iter(metrics), '') if key == 'auto' else key for key in self.key_indicators]
        for name in filter(empty.__contains__, names):
            runner.logger.warning(
                'No checkpoint becomes the best one now: save_best goes by %s, which is %s and '
                'measures nothing on this validation set.',
                name,
                metrics[name],
            )
        return {name: None if name in empty else value for name, value in metrics.items()}


def _comparable(runner: Runner) -> Any:
    """The model, unless its parameters are cut into pieces and cannot be compared."""
    model = plain_model(runner)
    whole = model is runner.model or isinstance(runner.model, DistributedDataParallel)
    return model if whole else None
