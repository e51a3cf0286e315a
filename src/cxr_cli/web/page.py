"""The page: what is on it, and what happens when. Gradio draws it."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxr_cli.web import html
from cxr_cli.web.replies import Replies

if TYPE_CHECKING:
    import gradio

# The heat is a layer over the film: moving the slider takes effect at once, without a request to the server.
_SET_OPACITY = "(percent) => { document.documentElement.style.setProperty('--cxr-opacity', percent / 100) }"
# On a phone the prediction is below the films to try.
_TO_PREDICTION = """() => {
    const shown = document.getElementById('cxr-shown');
    if (shown.getBoundingClientRect().top > innerHeight / 3) shown.scrollIntoView({ behavior: 'smooth' });
}"""


def build_page(replies: Replies, samples: Sequence[Path]) -> "gradio.Blocks":
    """Lay out the page.

    Args:
        replies: what it shows when something is done on it.
        samples: films to try.
    """
    import gradio as gr

    def opened() -> tuple[Any, str]:
        names, first = replies.runs()
        return gr.Dropdown(choices=names, value=first), replies.figures(first)

    with gr.Blocks(title="cxr", analytics_enabled=False) as page:
        gr.HTML(html.header(), elem_id="cxr-header")
        with gr.Row():
            with gr.Column(scale=1, min_width=280):
                runs = gr.Dropdown(label="Trained run", filterable=False, elem_id="cxr-runs")
                film = gr.File(label="Film: a picture file or DICOM", height=150, elem_id="cxr-drop")
                gr.HTML("<p>Or try a drawn film:</p>")
                with gr.Row(elem_id="cxr-samples"):
                    buttons = [gr.Button(path.stem, icon=path, size="sm") for path in samples]
            with gr.Column(scale=3, min_width=320):
                shown = gr.HTML(html.WAITING, elem_id="cxr-shown")
                opacity = gr.Slider(
                    0, 100, 50, step=1, label="Heat over the film, in percent", buttons=[], elem_id="cxr-opacity"
                )
                known = gr.HTML(elem_id="cxr-known")

        # Not through Gradio's queue, which keeps a reply until its page takes it, even after the page is closed; nor
        # through its processing, which copies files.
        plain: dict[str, Any] = {"queue": False, "preprocess": False, "postprocess": False, "api_visibility": "private"}
        asked = [film.upload(replies.upload, [film, runs], [film, shown], **plain, show_progress="minimal")]
        for button, path in zip(buttons, samples, strict=True):
            reply = partial(replies.film, path, path.name)
            asked.append(button.click(reply, runs, shown, **plain, show_progress="minimal"))
        for event in asked:
            event.then(None, js=_TO_PREDICTION)
        runs.input(replies.chosen, runs, [shown, known], **plain, show_progress="hidden")
        opacity.change(None, opacity, js=_SET_OPACITY)
        page.load(opened, None, [runs, known], queue=False, api_visibility="private", show_progress="hidden")
    return page
