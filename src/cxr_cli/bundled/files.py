"""Where the files are that ship with the package."""

from pathlib import Path

LUNG_UNET = Path(__file__).with_name("lung_unet.tflite")  # from a film to its lungs; see docs/lungs.md
MODEL = Path(__file__).with_name("model")  # the classifier: a run folder with a VERSION, and its MODEL_CARD.md
