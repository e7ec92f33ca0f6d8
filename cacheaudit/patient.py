"""A way to run a notebook in which Ctrl-C is the notebook's, so that it can end what it began.

A kernel has a process group of its own, and papermill kills it when it is interrupted. A notebook
that pays for every call must be told instead: the first interrupt goes to the cell that runs, which
ends early and well; the next stops the run.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.log import logger
from papermill.utils import merge_kwargs, remove_args

PATIENT = "patient"


class PatientEngine(NBClientEngine):  # type: ignore[misc]
    """papermill's own engine but for what an interrupt does."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        log_output: bool = False,
        stdout_file: Any = None,
        stderr_file: Any = None,
        start_timeout: int = 60,
        execution_timeout: int | None = None,
        **given: Any,
    ) -> Any:
        """Run the notebook; as the parent does."""
        kept = remove_args(["input_path", "timeout", "startup_timeout"], **given)
        options = merge_kwargs(
            kept, timeout=execution_timeout, startup_timeout=start_timeout,
            kernel_name=kernel_name, log=logger, log_output=log_output, stdout_file=stdout_file,
            stderr_file=stderr_file,
        )  # fmt: skip
        client = PapermillNotebookClient(nb_man, **options)
        with _passed_on(client):
            return client.execute()


@contextmanager
def _passed_on(client: Any) -> Iterator[None]:
    """Send the first interrupt to the kernel of *client*; the next is ours again."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread hears signals
        return
    before = signal.getsignal(signal.SIGINT)

    def pass_on(number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, before)
        process = getattr(getattr(client.km, "provisioner", None), "pid", None)
        if process is None:
            raise KeyboardInterrupt
        os.kill(process, signal.SIGINT)

    signal.signal(signal.SIGINT, pass_on)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


papermill_engines.register(PATIENT, PatientEngine)
