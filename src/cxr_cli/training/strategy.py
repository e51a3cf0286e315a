"""One training on several devices or machines, through tf.distribute, with the answers of a training on one.

Each batch is dealt out over the replicas, every replica's gradients are added up, and all make the same step. Keras's
`fit` does this by itself for `MirroredStrategy`, but weighs the replicas of a short last batch wrongly, and can't do it
for `MultiWorkerMirroredStrategy` (Keras 3.15): so `fit` runs here as on one device, and only its step is distributed.
"""

import functools
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from cxr_cli.errors import CxrError
from cxr_cli.progress import note
from cxr_cli.training.engine import keras, tf
from cxr_cli.training.tf_config import PATIENCE, meet, read_tf_config


class Group:
    """Who trains together. This one is alone: one process, one device."""

    workers = 1
    worker = 0

    @property
    def is_chief(self) -> bool:
        """Whether this worker is the one that writes the run."""
        return self.worker == 0

    def trainable(self, model: keras.Model) -> keras.Model:
        """What to compile and fit in place of `model`, whose weights are the trained ones after each epoch.

        Args:
            model: one input, one output; built. Every worker's gets the chief's weights.
        """
        return model

    def share(self, count: Any) -> tuple[Any, Any | None]:
        """This worker's part of a batch of `count` films.

        Returns:
            (b,) int32, the films' places in the batch, and (b,) float32, what each film's loss counts, so that films
            count the same however they are dealt out. None: all count 1.
        """
        return tf.range(count), None

    def spread(self, count: int, compute: Callable[[slice], np.ndarray]) -> np.ndarray:
        """`compute`'s answers for `count` films, each film's by one worker; the same on every worker.

        Args:
            count: of the films.
            compute: answers for a slice of them: (n,) float32.
        """
        return compute(slice(None))

    def any(self, flag: bool) -> bool:
        """Whether it is so on any worker. All workers ask at the same time."""
        return flag

    def all(self, flag: bool) -> bool:
        """Whether it is so on every worker. All workers ask at the same time."""
        return not self.any(not flag)


ALONE = Group()


@contextmanager
def distributed(name: str, work: Mapping[str, str]) -> Iterator[Group]:
    """The devices or machines that a strategy trains on. For several machines: before any of TensorFlow's operations.

    Args:
        name: "none"; "mirrored", all GPUs of this machine; "multi-worker", the machines of TF_CONFIG, with all GPUs of
            each, or its processor where it has none.
        work: what is about to be trained, in parts that have names. All workers must have the same.

    Raises:
        CxrError: TF_CONFIG is missing or malformed, a worker does not come or differs, or one is lost while it trains.
    """
    if name == "mirrored":
        strategy = _mirrored()
        count = strategy.num_replicas_in_sync
        if count == 1:
            note("One device here: trains on it as without --strategy")
        yield _Replicas(strategy) if count > 1 else ALONE
    elif name == "multi-worker":
        cluster = read_tf_config(os.environ)
        note(f"Worker {cluster.worker}, of 0 to {len(cluster.addresses) - 1}: waiting for the others")
        meet(cluster, {**work, "versions": f"TensorFlow {tf.__version__}, Keras {keras.__version__}"})
        note("All are here")
        group = _connect(len(cluster.addresses), cluster.worker)
        try:
            yield group
            group.any(False)  # so that all end together, and none takes another's end for its loss
        except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError) as error:
            raise CxrError(
                f"Expected all {group.workers} workers to go on to the end. Received: {_lost(error)}.",
                hint="See what the other workers say, and start the same command again on all of them",
            ) from None
    else:
        yield ALONE


@functools.cache
def _mirrored() -> tf.distribute.Strategy:
    # One for all trainings of a process: two count their collective operations from the same number, and mix them up.
    return tf.distribute.MirroredStrategy()


def _connect(workers: int, worker: int) -> "_Replicas":
    with _deaf():
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    return _Replicas(strategy, workers=workers, worker=worker)


@contextmanager
def _deaf() -> Iterator[None]:
    """While TensorFlow connects: it hears no signal, and waits without end for a worker lost since the meeting."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return
    alarm = getattr(signal, "SIGALRM", None)  # Windows has none: there a user must end the process
    handled = [signal.SIGINT, signal.SIGTERM, *([alarm] if alarm else [])]
    before = {number: signal.signal(number, signal.SIG_DFL) for number in handled}
    if alarm:
        signal.alarm(int(PATIENCE))  # each of these signals ends the process, which holds nothing yet
    try:
        yield
    finally:
        if alarm:
            signal.alarm(0)
        for number, handler in before.items():
            # SIGTERM too, which TensorFlow has taken for itself to ignore it: a worker could only be killed.
            signal.signal(number, handler)


def _lost(error: Exception) -> str:
    found = re.search(r"/job:(\w+)/(?:replica:\d+/)?task:(\d+)", str(error))
    who = f"{found[1]} {found[2]}" if found else "a worker"
    return f"{who} ended, or can't be reached any more"


class _Replicas(Group):
    """Several replicas, evenly over one or more workers."""

    def __init__(self, strategy: tf.distribute.Strategy, *, workers: int = 1, worker: int = 0) -> None:
        self.strategy = strategy
        self.workers = workers
        self.worker = worker
        self.replicas = strategy.num_replicas_in_sync
        self.here = self.replicas // workers  # replicas of this worker
        self._summed = tf.function(self._all_reduce)

    def trainable(self, model: keras.Model) -> keras.Model:
        """A twin with a copy of each variable on each replica."""
        weights = self._from_chief(model.get_weights())
        model.set_weights(weights)
        with self.strategy.scope():
            twin = keras.models.clone_model(model)
        twin.set_weights(weights)
        for layer in _layers(twin):
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True  # statistics of the whole batch, as on one device
            if hasattr(layer, "seed_generator"):
                self._part(layer.seed_generator.state)
        return _Twin(twin.inputs, twin.outputs, group=self, bring_home=lambda: model.set_weights(twin.get_weights()))

    def share(self, count: Any) -> tuple[Any, Any | None]:
        """Every so manieth film, from another one on for each replica; each replica gets at least one."""
        places = tf.range(tf.maximum(count, self.replicas))
        owners = places % self.replicas
        sizes = tf.gather(tf.math.bincount(owners, minlength=self.replicas), owners)
        # A replica's loss is its films' mean, and the replicas' losses are averaged.
        weights = tf.cast(self.replicas * sizes, tf.float32) / tf.cast(count, tf.float32)
        # A film that is lent so that no replica is without counts nothing.
        weights = tf.where(places < count, weights, 0.0)
        mine = tf.where(owners // self.here == self.worker)[:, 0]
        return tf.gather(places % count, mine), tf.gather(weights, mine)

    def spread(self, count: int, compute: Callable[[slice], np.ndarray]) -> np.ndarray:
        """Each worker answers for every so manieth film."""
        answers = np.zeros(count, np.float32)
        mine = slice(self.worker, None, self.workers)
        if self.worker < count:
            answers[mine] = compute(mine)
        return self._sum([answers])[0]

    def any(self, flag: bool) -> bool:
        """Whether it is so on any worker."""
        return bool(self._sum([np.array(flag, np.float32)])[0] > 0)

    def _from_chief(self, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        return self._sum([value if self.is_chief else np.zeros_like(value) for value in values])

    def _sum(self, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Over the workers; what comes out is the same on all, to the bit."""
        if self.workers == 1:
            return list(values)
        return [total.numpy() for total in self._summed([tf.constant(value) for value in values])]

    def _all_reduce(self, values: list[Any]) -> list[Any]:
        def on_replica() -> Any:
            replica = tf.distribute.get_replica_context()
            first = replica.replica_id_in_sync_group % self.here == 0
            return replica.all_reduce("SUM", [tf.where(first, value, tf.zeros_like(value)) for value in values])

        return [self.strategy.experimental_local_results(total)[0] for total in self.strategy.run(on_replica)]

    def _part(self, state: keras.Variable) -> None:
        """Let each replica draw its own random numbers: else all would drop the same units."""

        @tf.function
        def part() -> None:
            replica = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, state.dtype)
            state.assign(state + replica)

        self.strategy.run(part)


class _Twin(keras.Model):
    """A model whose variables are on all replicas, and whose step is theirs together."""

    def __init__(self, inputs: Any, outputs: Any, *, group: _Replicas, bring_home: Callable[[], None]) -> None:
        super().__init__(inputs, outputs, name="twin")  # the default, its class, begins with what TensorFlow refuses
        self._group = group
        self._bring_home = bring_home
        self._class_weight: tuple[float, float] | None = None
        self._epoch_loss = keras.metrics.Mean(name="loss")

    @property
    def metrics(self) -> list[keras.Metric]:
        """What Keras resets at the beginning of each epoch."""
        return [self._epoch_loss]

    def compile(self, optimizer: keras.optimizers.Optimizer, **options: Any) -> None:
        """Compile; the optimizer's variables, too, are on all replicas. XLA can't compile collectives."""
        with self._group.strategy.scope():
            own = type(optimizer).from_config(optimizer.get_config())
            own.build(self.trainable_variables)
        super().compile(optimizer=own, jit_compile=False, **options)

    def fit(self, batches: Any, *, class_weight: dict[int, float] | None = None, **options: Any) -> Any:
        """Fit on this worker's shares; after each epoch, the weights go home before any callback sees it."""
        self._class_weight = (class_weight[0], class_weight[1]) if class_weight else None
        home = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: self._bring_home())
        return super().fit(batches, **{**options, "callbacks": [home, *options.get("callbacks", [])]})

    def train_step(self, data: Any) -> dict[str, Any]:
        """One step of all replicas: (films, (b, 1) truths, (b,) weights) of this worker."""
        losses, counts = self._group.strategy.run(self._replica_step, args=data)
        loss, count = (self._group.strategy.experimental_local_results(value)[0] for value in (losses, counts))
        self._epoch_loss.update_state(loss, sample_weight=count)
        return {"loss": self._epoch_loss.result()}

    def _replica_step(self, films: Any, truths: Any, weights: Any) -> tuple[Any, Any]:
        replica = tf.distribute.get_replica_context()
        here = replica.replica_id_in_sync_group % self._group.here
        films, truths, weights = (values[here :: self._group.here] for values in (films, truths, weights))
        count = tf.math.count_nonzero(weights, dtype=tf.float32)
        if self._class_weight:
            weights *= tf.where(truths[:, 0] > 0.5, self._class_weight[1], self._class_weight[0])
        with tf.GradientTape() as tape:
            answers = self(films, training=True)
            loss = self.compute_loss(x=films, y=truths, y_pred=answers, sample_weight=weights, training=True)
        # Adds the gradients of all replicas up first.
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return tuple(replica.all_reduce("SUM", [loss, count]))


def _layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """All layers, those of models within it too."""
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
