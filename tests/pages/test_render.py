import base64
import hashlib
import html
import re

import pytest
from jinja2 import ChoiceLoader, DictLoader, UndefinedError
from markupsafe import Markup
from PIL import Image

from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.films.figures import OTHER, POSITIVE
from cxr_cli.metrics.intervals import Interval
from cxr_cli.pages import render
from cxr_cli.pages.markup import anchor_of, code, linked, prose

PAGE = """{% extends "base.html" %}{% import "parts.html" as parts %}
{% block title %}Films of {{ patient }}{% endblock %}
{% block content %}
{{ parts.badge("alarm", "Leaks") }} {{ parts.measured(0.907, interval) }} {{ parts.measured(none) }}
{{ parts.bar(0.25, "25%") }} {{ parts.whisker(0.75, interval, low=0.5, high=1, mark=0.5) }} {{ parts.stack(0.5) }}
<div class="stats">{{ parts.stat("AUC", 0.9, interval) }}{{ parts.stat("Films", 524) }}</div>
{{ parts.table(["", "AUC"], [[patient, parts.measured(0.5)]]) }}
{{ parts.picture(film, patient) }}
{% endblock %}"""


@pytest.fixture
def page(monkeypatch):
    """Render PAGE as one of the package's own templates."""
    environment = render._environment()
    environment.loader = ChoiceLoader([DictLoader({"page.html": PAGE}), environment.loader])
    monkeypatch.setattr(render, "_environment", lambda: environment)
    return lambda **context: render.render_page("page.html", **context)


CONTEXT = {"interval": Interval(low=0.885, high=0.925), "film": Image.new("L", (40, 30), 90)}


def test_a_page_is_self_contained_and_has_the_disclaimer(page, tmp_path):
    text = page(patient="P7", **CONTEXT)
    render.write_page(tmp_path / "new" / "page.html", "page.html", patient="P7", **CONTEXT)

    assert (tmp_path / "new" / "page.html").read_text(encoding="utf-8") == text
    assert text.count(DISCLAIMER) == 3  # above, below, and on each printed page
    assert "<title>Films of P7</title>" in text
    assert "<h1>Films of P7</h1>" in text
    assert "@media print" in text
    assert f"--blue: {OTHER}; --orange: {POSITIVE};" in text  # the colors of charts
    assert not re.findall(r"<script [^>]|<link|@import|https?://", text)
    script = re.fullmatch(r".*?<script>(.*)</script>.*", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in text
    assert len(script) < 6000
    assert re.findall(r'src="([^"]{22})', text) == ["data:image/jpeg;base64"]


def test_metrics_are_shown_with_their_intervals(page):
    text = page(patient="P7", **CONTEXT)

    assert '<b>0.907</b> <span class="spread">0.885 to 0.925</span>' in text
    assert "<b>–</b></span>" in text
    assert 'class="mark" style="left:0.0%"' in text
    assert 'class="dot" style="left:50.0%"' in text
    assert 'class="reach" style="left:77.0%;width:8.0%"' in text
    assert '<span class="value">524</span>' in text
    assert '<td class="number"><span class="measured"><b>0.500</b></span></td>' in text


def test_values_from_a_dataset_are_escaped(page):
    text = page(patient='<script>alert("x")</script>', **CONTEXT)

    assert text.count("<script>") == 1  # the page's own
    assert '<th scope="row">&lt;script&gt;' in text


def test_an_undefined_template_variable_is_an_error(page):
    with pytest.raises(UndefinedError, match="patient"):
        page(**CONTEXT)


@pytest.mark.parametrize(
    ("picture", "kind"),
    [
        (Image.new("RGB", (4, 4)), "jpeg"),
        (Image.new("RGBA", (4, 4)), "png"),
        (b"<svg xmlns='x'/>", "svg+xml"),
    ],
)
def test_the_image_type_is_detected_from_its_bytes(picture, kind):
    assert render.data_uri(picture).startswith(f"data:image/{kind};base64,")


def test_backticks_become_code():
    shown = code("<b> see `cxr a --b`, then `c`")
    assert shown == ("&lt;b&gt; see <code><span>cxr a --b</span></code>, then <code><span>c</span></code>")


@pytest.mark.parametrize(
    ("sentence", "commands"),
    [
        ("Not tested elsewhere: cxr evaluate --external", ["cxr evaluate --external"]),
        ("Not done: cxr evaluate --external --metadata FILE.", ["cxr evaluate --external --metadata FILE"]),
        (
            "See it: cxr gradcam FILM. Predict: cxr predict FILM --model a-b.",
            ["cxr gradcam FILM", "cxr predict FILM --model a-b"],
        ),
        ("Do cxr audit simple-cnn-2; or cxr crossval --folds 5", ["cxr audit simple-cnn-2", "cxr crossval --folds 5"]),
        (
            "Commands: cxr train --from x and cxr serve or cxr report.",
            ["cxr train --from x", "cxr serve", "cxr report"],
        ),
        ("cxr predict gives no class", ["cxr predict"]),
        ("made by cxr 1.0, <i>", []),
    ],
)
def test_commands_in_a_sentence_are_code_that_breaks_between_words_only(sentence, commands):
    shown = str(prose(sentence))

    found = [re.sub(r"</?span>", "", one) for one in re.findall(r"<code>(.*?)</code>", shown)]
    assert found == commands
    for one in re.findall(r"<code>(.*?)</code>", shown):
        assert re.fullmatch(r"<span>.{1,26}</span>|(<span>\S+</span> ?)+", one)
    assert html.unescape(re.sub(r"</?(code|span)>", "", shown)) == sentence


def test_a_word_longer_than_a_phone_is_wide_may_break():
    assert code("`cat " + 40 * "x" + "`") == "<code><span>cat</span> " + 40 * "x" + "</code>"


def test_each_heading_is_in_the_contents(page):
    environment = render._environment()
    text = environment.from_string(
        '{% extends "base.html" %}{% block title %}T{% endblock %}'
        "{% block content %}<h2>A &amp; “B” <i>c</i></h2><h2>肺</h2><h2>A b c</h2>{% endblock %}"
    ).render()

    anchors = re.findall(r'<h2 id="([^"]*)"', text)
    assert anchors == ["a-b-c", "section", "a-b-c-"]
    contents = [("a-b-c", "A &amp; “B” c"), ("section", "肺"), ("a-b-c-", "A b c")]
    assert re.findall(r'<a href="#([^"]*)">(.*?)</a>', text) == contents + contents  # for wide and narrow pages
    assert anchor_of("A & “B” c") == "a-b-c"


def test_a_title_between_quotation_marks_is_a_link_to_its_section():
    content = Markup('<p title="“One”">See “One” and “Two”, not “Three”: <b>“On</b>e”</p>')

    assert linked(content, {"one": Markup("One"), "2": Markup("Two")}) == (
        '<p title="“One”">See “<a href="#one">One</a>” and “<a href="#2">Two</a>”, not “Three”: <b>“On</b>e”</p>'
    )


def test_an_image_file_is_embedded_unchanged(film):
    assert len(render.data_uri(film)) > film.stat().st_size * 4 / 3


def test_a_file_that_is_no_image_is_refused():
    with pytest.raises(ValueError, match="expected a PNG, JPEG, WebP or SVG"):
        render.data_uri(b"%PDF-1.7")
