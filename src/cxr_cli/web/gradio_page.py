"""The same predictor behind a plain Gradio interface, as in a notebook: a film in, class and heat map out."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.errors import CxrError
from cxr_cli.films.overlay import draw_heat_map
from cxr_cli.films.reader import read_film
from cxr_cli.ports import other_port_hint
from cxr_cli.prediction.predictor import Predictor, open_predictor
from cxr_cli.reporting.run_doubts import run_doubts
from cxr_cli.web.folder import page_folder
from cxr_cli.workspace.layout import Workspace

if TYPE_CHECKING:
    import gradio
    from PIL import Image


def build_interface(workspace: Workspace, run: str | None) -> "gradio.Interface":
    """Lay out the interface.

    Args:
        workspace: where the run is.
        run: its name. Defaults to the latest.

    Raises:
        WorkspaceError: there is no run, or it can't be read.
    """
    predictor = open_predictor(workspace.run(run))
    import gradio as gr

    def answer(path: str | None) -> "tuple[dict[str, float], Image.Image, str]":
        try:
            return _answer(predictor, Path(path or ""))
        except CxrError as error:
            raise gr.Error(f"{error.message} {error.hint}", print_exception=False) from error

    doubts = "".join(f"\n\n{doubt}" for doubt in run_doubts(workspace, predictor.run))
    return gr.Interface(
        answer,
        inputs=gr.File(label="Film: a picture file or DICOM", type="filepath"),
        outputs=[gr.Label(label="Class"), gr.Image(label="Heat map"), gr.Textbox(label="Answer")],
        title=f"Chest X-ray classifier: {predictor.run.name_and_version}",
        description=f"{DISCLAIMER}{doubts}",
        flagging_mode="never",
        api_name="predict",
        analytics_enabled=False,
    )


def _answer(predictor: Predictor, path: Path) -> "tuple[dict[str, float], Image.Image, str]":
    """The probabilities, the heat map and the answer in words."""
    film = read_film(path)
    prediction = predictor.predict_file(path, film=film)
    said = prediction.answer
    picture = draw_heat_map(
        film,
        prediction.cams[prediction.label],
        alpha=0.5,
        title=said.short,
        caption=predictor.caption(prediction, prediction.label),
        box=prediction.box,
    )
    return prediction.probabilities, picture, " ".join(filter(None, (said.short + ".", said.decision, prediction.part)))


def serve_interface(workspace: Workspace, *, run: str | None, port: int, ready: Callable[[str], None]) -> None:
    """Serve the interface to this machine alone, until the process is interrupted.

    Args:
        workspace: where the run is.
        run: its name. Defaults to the latest.
        port: the port to listen on.
        ready: called with the address when it can be opened.

    Raises:
        CxrError: the port is in use.
        WorkspaceError: there is no run, or it can't be read.
        KeyboardInterrupt: the process was interrupted.
    """
    with page_folder() as folder:
        os.environ |= {"GRADIO_TEMP_DIR": str(folder), "GRADIO_ANALYTICS_ENABLED": "False"}  # read at the import
        interface = build_interface(workspace, run)
        try:
            _, address, _ = interface.launch(
                server_name="127.0.0.1",
                server_port=port,
                share=False,
                quiet=True,
                inbrowser=False,
                prevent_thread_lock=True,
                footer_links=[],
            )
        except OSError as error:
            raise CxrError(
                f"Expected to listen on port {port}. Received: it is in use.",
                hint=other_port_hint("cxr serve --gradio", "127.0.0.1", port),
            ) from error
        ready(address.rstrip("/"))
        try:
            threading.Event().wait()
        finally:
            interface.close(verbose=False)
