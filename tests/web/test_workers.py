"""A film that takes too much memory, or ends its process, costs that film alone."""

import asyncio
import json
import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_cli.errors import ImageError
from cxr_cli.web.limits import PageLimits
from cxr_cli.web.workers import FilmWorkers

FILM = Path(__file__).parents[2] / "sample_images" / "covid.png"


def is_predicted(answer):
    return json.loads(answer)["row"]["class"] in {"covid", "non_covid"}


async def only_one(workers):
    """Wait until what was started because of a slow film has ended, and until no other is being started or ended."""
    async with asyncio.timeout(90):
        while len(workers._processes) != 1 or workers._tasks:
            await workers.predict(FILM, name="sample.png", run=None)
            await asyncio.sleep(0.05)


def test_a_film_that_takes_too_much_or_ends_its_process_costs_that_film_alone(trained, film, tmp_path):
    large = tmp_path / "large.png"
    Image.fromarray(np.tile(np.arange(6000, dtype=np.uint8), (6000, 1))).save(large, compress_level=1)
    # On a busy machine a process may take long to start, and then another one is started: long before the film's time.
    limits = PageLimits(processes=1, memory_mb=60, slow_seconds=0.5, start_seconds=15, film_seconds=90)

    async def run():
        workers = FilmWorkers(trained.root, run=None, alpha=None, limits=limits)
        await workers.start()
        try:
            said = json.loads(await workers.predict(large, name="large.png", run=None))["error"]["message"]
            assert re.search("memory. Received: large.png (needs more|does not)", said)
            assert is_predicted(await workers.predict(film, name="covid.png", run=None))

            await only_one(workers)
            (process,) = workers._processes
            os.kill(process.pid, signal.SIGSTOP)
            slow = asyncio.create_task(workers.predict(film, name="covid.png", run=None))
            await asyncio.sleep(0)
            second = asyncio.create_task(workers.predict(film, name="covid.png", run=None))
            await asyncio.sleep(0)
            assert is_predicted(await second)  # by a process that was started because of the slow film
            os.kill(process.pid, signal.SIGCONT)
            assert is_predicted(await slow)

            await only_one(workers)
            (process,) = workers._processes
            os.kill(process.pid, signal.SIGSTOP)
            dying = asyncio.create_task(workers.predict(film, name="covid.png", run=None))
            await asyncio.sleep(0.1)
            os.kill(process.pid, signal.SIGKILL)
            with pytest.raises(ImageError, match="so badly that the process that read it ended"):
                await dying
        finally:
            await workers.stop()

    asyncio.run(run())
