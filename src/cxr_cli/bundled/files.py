"""Where the files are that ship with the package."""

from pathlib import Path

LUNG_UNET = Path(__file__).with_name("lung_unet.tflite")  # from a film to its lungs; see docs/explanation/lungs.md
LUNG_UNET_SHA256 = "2ee5e709e2a3fbe75438848ce4f9bc6d1f13f3a7725786f65b8649557fec827e"
MODEL = Path(__file__).with_name("model")  # the classifier: a run folder with a VERSION, and its MODEL_CARD.md
