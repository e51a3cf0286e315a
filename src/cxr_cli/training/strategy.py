"""Training on several devices or machines, through tf.distribute, with the result of training on one.

Each batch is divided among the replicas, the gradients of all replicas are added up, and all take the same step.
Keras's `fit` does this for `MirroredStrategy`, but weights the replicas of a short last batch wrongly, and can't do it
for `MultiWorkerMirroredStrategy` (Keras 3.15). Here `fit` runs as on one device, and only its step is distributed.
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
    """The workers that train together. This one is alone: one process, one device."""

    workers = 1
    worker = 0

    @property
    def is_chief(self) -> bool:
        """Whether this worker writes the run."""
        return self.worker == 0

    def trainable(self, model: keras.Model) -> keras.Model:
        """Give the model to compile and fit in place of `model`, which has the trained weights after each epoch.

        Args:
            model: built, with one input and one output. On every worker it gets the chief's weights.
        """
        return model

    def share(self, count: Any) -> tuple[Any, Any | None]:
        """Choose this worker's share of a batch of `count` films.

        Returns:
            (b,) int32, the places of the films in the batch, and (b,) float32, the weight of each film's loss, so that
            all films count the same however they are divided. None: all weights are 1.
        """
        return tf.range(count), None

    def spread(self, count: int, compute: Callable[[slice], np.ndarray]) -> np.ndarray:
        """Compute a value for each of `count` films, each film on one worker; every worker gets all values.

        Args:
            count: number of films.
            compute: computes the values of a slice of them: (n,) float32.
        """
        return compute(slice(None))

    def any(self, flag: bool) -> bool:
        """Whether `flag` is True on any worker. All workers call this at the same time."""
        return flag

    def all(self, flag: bool) -> bool:
        """Whether `flag` is True on every worker. All workers call this at the same time."""
        return not self.any(not flag)


ALONE = Group()


@contextmanager
def distributed(name: str, work: Mapping[str, str]) -> Iterator[Group]:
    """Connect the devices or machines that a strategy trains on, before any of TensorFlow's operations.

    Args:
        name: "none"; "mirrored", all GPUs of this machine; "multi-worker", the machines of TF_CONFIG, with all GPUs of
            each, or its processor if it has none.
        work: what is about to be trained, by name. It must be the same on all workers.

    Raises:
        CxrError: TF_CONFIG is missing or malformed, a worker does not connect or differs, or one is lost in training.
    """
    if name == "mirrored":
        strategy = _mirrored()
        count = strategy.num_replicas_in_sync
        if count == 1:
            note("This machine has one device: training on it, as if without --strategy")
        yield _Replicas(strategy) if count > 1 else ALONE
    elif name == "multi-worker":
        cluster = read_tf_config(os.environ)
        note(f"Worker {cluster.worker} of 0 to {len(cluster.addresses) - 1}: waiting for the others")
        meet(cluster, {**work, "versions": f"TensorFlow {tf.__version__}, Keras {keras.__version__}"})
        note("All workers are connected")
        group = _connect(len(cluster.addresses), cluster.worker)
        try:
            yield group
            group.any(False)  # so that all end together, and none mistakes the end of another for a failure
        except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError) as error:
            raise CxrError(
                f"Expected all {group.workers} workers to stay until the end. Received: {_lost(error)}.",
                hint="See what the other workers report, and start the same command again on all of them",
            ) from None
    else:
        yield ALONE


@functools.cache
def _mirrored() -> tf.distribute.Strategy:
    # One per process: two strategies number their collective operations alike, and mix them up.
    return tf.distribute.MirroredStrategy()


def _connect(workers: int, worker: int) -> "_Replicas":
    with _interruptible():
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    return _Replicas(strategy, workers=workers, worker=worker)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let signals end the process while TensorFlow connects: it ignores them, and waits forever for a lost worker."""
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
            # SIGTERM too, which TensorFlow takes over to ignore it: otherwise a worker could only be killed.
            signal.signal(number, handler)


def _lost(error: Exception) -> str:
    match = re.search(r"/job:(\w+)/(?:replica:\d+/)?task:(\d+)", str(error))
    who = f"{match[1]} {match[2]}" if match else "a worker"
    return f"{who} ended, or can no longer be reached"


class _Replicas(Group):
    """Several replicas, the same number on each of one or more workers."""

    def __init__(self, strategy: tf.distribute.Strategy, *, workers: int = 1, worker: int = 0) -> None:
        self.strategy = strategy
        self.workers = workers
        self.worker = worker
        self.replicas = strategy.num_replicas_in_sync
        self.here = self.replicas // workers  # replicas on this worker
        self._summed = tf.function(self._all_reduce)

    def trainable(self, model: keras.Model) -> keras.Model:
        """Clone the model, with a copy of each variable on each replica."""
        weights = self._from_chief(model.get_weights())
        model.set_weights(weights)
        with self.strategy.scope():
            clone = keras.models.clone_model(model)
        clone.set_weights(weights)
        for layer in _layers(clone):
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True  # statistics of the whole batch, as on one device
            if hasattr(layer, "seed_generator"):
                self._part(layer.seed_generator.state)
        return _ReplicatedModel(
            clone.inputs, clone.outputs, group=self, copy_back=lambda: model.set_weights(clone.get_weights())
        )

    def share(self, count: Any) -> tuple[Any, Any | None]:
        """Deal the films out in turn; each replica gets at least one."""
        places = tf.range(tf.maximum(count, self.replicas))
        owners = places % self.replicas
        sizes = tf.gather(tf.math.bincount(owners, minlength=self.replicas), owners)
        # The loss of a replica is the mean over its films, and the losses of the replicas are averaged.
        weights = tf.cast(self.replicas * sizes, tf.float32) / tf.cast(count, tf.float32)
        # A film that a replica gets only so that it has one has weight 0.
        weights = tf.where(places < count, weights, 0.0)
        mine = tf.where(owners // self.here == self.worker)[:, 0]
        return tf.gather(places % count, mine), tf.gather(weights, mine)

    def spread(self, count: int, compute: Callable[[slice], np.ndarray]) -> np.ndarray:
        """Deal the films out in turn: each worker computes the values of its own."""
        answers = np.zeros(count, np.float32)
        mine = slice(self.worker, None, self.workers)
        if self.worker < count:
            answers[mine] = compute(mine)
        return self._sum([answers])[0]

    def any(self, flag: bool) -> bool:
        """Whether `flag` is True on any worker."""
        return bool(self._sum([np.array(flag, np.float32)])[0] > 0)

    def _from_chief(self, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        return self._sum([value if self.is_chief else np.zeros_like(value) for value in values])

    def _sum(self, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Sum over the workers; the result is the same on all of them, bit for bit."""
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
        """Let each replica draw its own random numbers; otherwise all would drop the same units."""

        @tf.function
        def part() -> None:
            replica = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, state.dtype)
            state.assign(state + replica)

        self.strategy.run(part)


class _ReplicatedModel(keras.Model):
    """A model whose variables are on all replicas, which take each step together."""

    def __init__(self, inputs: Any, outputs: Any, *, group: _Replicas, copy_back: Callable[[], None]) -> None:
        super().__init__(
            inputs, outputs, name="replicated"
        )  # the default is the name of the class, whose underscore TensorFlow refuses
        self._group = group
        self._copy_back = copy_back
        self._class_weight: tuple[float, float] | None = None
        self._epoch_loss = keras.metrics.Mean(name="loss")

    @property
    def metrics(self) -> list[keras.Metric]:
        """What Keras resets at the beginning of each epoch."""
        return [self._epoch_loss]

    def compile(self, optimizer: keras.optimizers.Optimizer, **options: Any) -> None:
        """Compile, with the optimizer's variables on all replicas too. XLA can't compile collective operations."""
        with self._group.strategy.scope():
            own = type(optimizer).from_config(optimizer.get_config())
            own.build(self.trainable_variables)
        super().compile(optimizer=own, jit_compile=False, **options)

    def fit(self, batches: Any, *, class_weight: dict[int, float] | None = None, **options: Any) -> Any:
        """Fit on this worker's shares; after each epoch, the weights are copied back before any other callback runs."""
        self._class_weight = (class_weight[0], class_weight[1]) if class_weight else None
        copy = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: self._copy_back())
        return super().fit(batches, **{**options, "callbacks": [copy, *options.get("callbacks", [])]})

    def train_step(self, data: Any) -> dict[str, Any]:
        """Take one step on all replicas: (films, (b, 1) truths, (b,) weights) of this worker."""
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
            predictions = self(films, training=True)
            loss = self.compute_loss(x=films, y=truths, y_pred=predictions, sample_weight=weights, training=True)
        # Adds up the gradients of all replicas first.
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return tuple(replica.all_reduce("SUM", [loss, count]))


def _layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """All layers, including those of nested models."""
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
