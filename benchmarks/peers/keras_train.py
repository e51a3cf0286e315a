"""The peer of `cxr train`: a plain Keras script that follows Keras's guide to transfer learning and fine-tuning.

In: a folder with train/ and val/, each with two class folders. Out: a model file, and the validation AUC on stdout.
"""
# ruff: noqa: D103, T201, TID253 - a script

import argparse
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from sklearn.metrics import roc_auc_score

APPLICATIONS = {
    "mobilenetv2": (keras.applications.MobileNetV2, keras.applications.mobilenet_v2.preprocess_input),
    "mobilenet": (keras.applications.MobileNet, keras.applications.mobilenet.preprocess_input),
    "xception": (keras.applications.Xception, keras.applications.xception.preprocess_input),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--arch", choices=APPLICATIONS, default="mobilenetv2")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--freeze", type=float, default=2 / 3)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--fine-tune-epochs", type=int, default=0)
    parser.add_argument("--augment", choices=["layers", "generator"], default="layers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()

    keras.utils.set_random_seed(options.seed)
    classes = ["non_covid", "covid"]
    build, preprocess = APPLICATIONS[options.arch]
    shape = (options.size, options.size)

    if options.augment == "generator":
        generator = tf.keras.preprocessing.image.ImageDataGenerator(
            rotation_range=8,
            width_shift_range=0.05,
            height_shift_range=0.05,
            zoom_range=0.1,
            brightness_range=(0.9, 1.1),
            horizontal_flip=True,
        )
        train = generator.flow_from_directory(
            options.folder / "train", shape, classes=classes, class_mode="binary", batch_size=32, seed=options.seed
        )
        augmentation = []
    else:
        train = keras.utils.image_dataset_from_directory(
            options.folder / "train",
            label_mode="binary",
            class_names=classes,
            image_size=shape,
            batch_size=32,
            seed=options.seed,
        )
        train = train.prefetch(tf.data.AUTOTUNE)
        augmentation = [
            keras.layers.RandomFlip("horizontal"),
            keras.layers.RandomRotation(8 / 360),
            keras.layers.RandomTranslation(0.05, 0.05),
            keras.layers.RandomZoom(0.1),
            keras.layers.RandomBrightness(0.1),
        ]
    val = keras.utils.image_dataset_from_directory(
        options.folder / "val",
        label_mode="binary",
        class_names=classes,
        image_size=shape,
        batch_size=32,
        shuffle=False,
    ).prefetch(tf.data.AUTOTUNE)
    counts = [len(list((options.folder / "train" / name).iterdir())) for name in classes]
    share = counts[1] / sum(counts)
    class_weight = {0: 0.5 / (1 - share), 1: 0.5 / share}

    base = build(include_top=False, weights=None, input_shape=(*shape, 3))
    if options.weights:
        base.load_weights(options.weights)
    for layer in base.layers[: round(len(base.layers) * options.freeze)]:
        layer.trainable = False
    inputs = films = keras.Input((*shape, 3))
    for layer in augmentation:
        films = layer(films)
    pooled = keras.layers.GlobalAveragePooling2D()(base(preprocess(films), training=False))
    hidden = keras.layers.Dropout(0.5)(keras.layers.Dense(128, activation="relu")(pooled))
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(hidden))

    best = keras.callbacks.ModelCheckpoint(options.output, monitor="val_loss", save_best_only=True)
    for rate, epochs in ((1e-4, options.epochs), (1e-5, options.fine_tune_epochs)):
        if epochs:
            model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=[keras.metrics.AUC(name="auc")])
            model.fit(train, validation_data=val, epochs=epochs, class_weight=class_weight, callbacks=[best], verbose=0)
    model = keras.models.load_model(options.output)
    truth = np.concatenate([labels for _, labels in val]).ravel()
    print(f"{roc_auc_score(truth, model.predict(val, verbose=0).ravel()):.4f}")


main()
