"""Celery's prefork pool, which still knows after a lost connection to the broker which of its processes run a task.

Celery 5.6 forgets it then, and hands new tasks to processes that are busy, where they wait for what runs there, though
others are idle. Celery 5.7 is mended (its pull request 10346), which Airflow's provider cannot take yet.
"""

from celery.concurrency import asynpool, prefork


class Pool(asynpool.AsynPool):
    """Celery's pool, for workers with an event loop."""

    def flush(self) -> None:
        """Forget what no process has begun, as Celery does, and nothing else."""
        busy = set(self._busy_workers)
        super().flush()
        running = {job._write_to.inqW_fd for job in self._cache.values() if job._accepted and job._write_to}
        # Processes may have ended meanwhile, and their descriptors may be those of others.
        self._busy_workers.update(busy & running & self._all_inqueues)


class TaskPool(prefork.TaskPool):
    """What CELERY_CUSTOM_WORKER_POOL names."""

    Pool = Pool
