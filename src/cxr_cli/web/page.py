"""The page: what is on it, and what happens when. Gradio draws it."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxr_cli.web import html
from cxr_cli.web.replies import Replies

if TYPE_CHECKING:
    import gradio

SAMPLES = "/samples"  # where the films to try are served


def build_page(replies: Replies, samples: Sequence[Path]) -> "gradio.Blocks":
    """Lay out the page.

    Args:
        replies: what it shows when something is done on it.
        samples: films to try.
    """
    import gradio as gr

    # Gradio's own component for HTML needs a Content-Security-Policy with 'unsafe-eval'. Markdown passes HTML on.
    as_it_is = partial(gr.Markdown, sanitize_html=False, latex_delimiters=[])
    with gr.Blocks(title="cxr", analytics_enabled=False) as page:
        as_it_is(html.header(), elem_id="cxr-header")
        with gr.Row():
            with gr.Column(scale=1, min_width=280):
                runs = gr.Dropdown(label="Trained run", filterable=False, elem_id="cxr-runs")
                film = gr.File(label="Film: a picture file or DICOM", height=150, elem_id="cxr-drop")
                as_it_is("<p>Or try a drawn film:</p>")
                with gr.Row(elem_id="cxr-samples"):
                    buttons = [gr.Button(path.stem, size="sm") for path in samples]
            with gr.Column(scale=3, min_width=320):
                shown = as_it_is(html.WAITING, elem_id="cxr-shown")
                gr.Slider(  # `page.js` does what it says
                    *(0, 100, 50),
                    step=1,
                    label="Heat over the film, in percent",
                    interactive=True,
                    buttons=[],
                    elem_id="cxr-opacity",
                )
                known = as_it_is(elem_id="cxr-known")

        # Not through Gradio's queue, which keeps a reply until its page takes it, even after the page is closed; nor
        # through its processing, which copies files.
        plain: dict[str, Any] = {"queue": False, "preprocess": False, "postprocess": False, "api_visibility": "private"}
        film.upload(replies.upload, [film, runs], [film, shown], **plain, show_progress="minimal")
        for button, path in zip(buttons, samples, strict=True):
            # Gradio takes a path only if it may serve it, and it may serve none.
            url = f"{SAMPLES}/{path.name}"
            button.icon = {"path": url, "url": url, "meta": {"_type": "gradio.FileData"}}
            reply = partial(replies.sample, path)
            button.click(reply, runs, shown, **plain, show_progress="minimal")
        runs.input(replies.chosen, runs, [shown, known], **plain, show_progress="hidden")
        page.load(replies.opened, None, [runs, known], **plain, show_progress="hidden")
    return page
