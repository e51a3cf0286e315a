"""Connect to a Dask cluster by its address, or start one on this machine."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_cli.errors import ClusterError
from cxr_cli.extras import require_modules

if TYPE_CHECKING:
    from distributed import Client

LOCAL = "local"
_CONNECT_SECONDS = 10


@contextmanager
def connected(address: str) -> Iterator["Client"]:
    """Connect to the cluster at `address`.

    Args:
        address: of a Dask scheduler (tcp://host:8786), or the file that it wrote (dask scheduler --scheduler-file), or
            `local`: one worker process per core of this machine, started now and ended with the block.

    Raises:
        ClusterError: the extra is not installed, or no scheduler replies within 10 seconds.
    """
    require_modules("distributed", "pyarrow", needed_by="a cluster", error=ClusterError)
    from dask.system import CPU_COUNT
    from distributed import Client, LocalCluster

    with ExitStack() as opened:
        # What a user can fix comes as an error; the rest that Dask logs about lost workers is noise.
        opened.callback(logging.disable, logging.root.manager.disable)
        logging.disable(logging.CRITICAL)
        if address == LOCAL:
            workers = LocalCluster(
                n_workers=CPU_COUNT,
                threads_per_worker=1,
                dashboard_address="127.0.0.1:0",  # any port: Dask warns where its own is in use
                # Ctrl-C reaches every process of a terminal; the client's end is the workers' too.
                preload=["import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"],
                silence_logs=logging.CRITICAL,
            )
            yield opened.enter_context(Client(opened.enter_context(workers)))
            return
        target = {"scheduler_file" if Path(address).is_file() else "address": address}
        try:
            client = opened.enter_context(Client(**target, timeout=_CONNECT_SECONDS))
        # In Dask an unknown host is an AssertionError, and what is no scheduler a MemoryError.
        except Exception as error:
            raise ClusterError(
                f"Expected a Dask scheduler at {address}. Received: {_first_line(error)}.",
                hint="Start one: dask scheduler (it prints its address), or use this machine alone: --cluster local",
            ) from error
        yield client


def _first_line(error: Exception) -> str:
    if isinstance(error, (OSError, ValueError)) and str(error):
        return str(error).splitlines()[0]
    return f"no reply of a scheduler in {_CONNECT_SECONDS} seconds"
