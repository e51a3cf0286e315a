"""Pictures of a heat map or a mask on a film."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cxr_cli.films.palette import heat_colors
from cxr_cli.films.transforms import WHOLE_FILM, FilmBox

_MIN_WIDTH = 320
_PLACED_SIDE = 128  # maps have 5 to 20 places a side, and are smooth
_MASK_COLOR = (64, 224, 208)  # turquoise, which shows on black and on white
_BOX_COLOR = (200, 200, 200)
_TINT = 0.15  # opacity of the color inside a mask
_CONTOUR = 0.5  # of the map's largest value
_BAR_GRAY = 100  # of the film that the color bar stands for
_QUIET = (200, 200, 200)


def heat(cam: np.ndarray) -> np.ndarray:
    """Scale the positive part of a class activation map, the evidence for its class, to between 0 and 1.

    Args:
        cam: (h, w) float32, signed.

    Returns:
        (h, w) float32 in [0, 1], its largest value 1; all 0 if there is no evidence for the class.
    """
    positive = np.maximum(cam, 0)
    peak = positive.max()
    return np.asarray(positive / peak if peak > 0 else positive, dtype=np.float32)


def on_whole_film(cam: np.ndarray, box: FilmBox) -> np.ndarray:
    """Place the map of a part of a film on the whole film, with 0 around it.

    Args:
        cam: (h, w) float32.
        box: the part that it covers.

    Returns:
        (128, 128) float32 that covers the whole film; `cam` as it is if it covers the film already.
    """
    if box == WHOLE_FILM:
        return cam
    left, top, right, bottom = box
    across, down = cam.shape[1] / (right - left), cam.shape[0] / (bottom - top)
    extent = (-left * across, -top * down, (1 - left) * across, (1 - top) * down)  # the film, on the grid of the map
    placed = Image.fromarray(cam).transform(
        (_PLACED_SIDE, _PLACED_SIDE), Image.Transform.EXTENT, extent, Image.Resampling.BICUBIC
    )
    return np.asarray(placed)


def draw_heat_map(
    film: np.ndarray,
    cam: np.ndarray,
    *,
    alpha: float,
    title: str,
    caption: str,
    outline: np.ndarray | None = None,
    box: FilmBox = WHOLE_FILM,
    beside: bool = True,
) -> Image.Image:
    """Lay a class activation map over a film, with the bare film beside it, a title, a color bar and a caption.

    Args:
        film: (H, W) uint8.
        cam: (h, w) float32, signed; only evidence for the class is drawn.
        alpha: opacity of the hottest place, in [0, 1]. Colder places are more transparent, in proportion.
        title: the class and confidence.
        caption: what the picture shows, and what it does not.
        outline: (H, W) bool, a mask whose edge is drawn too. Defaults to none.
        box: a part whose edge is drawn too. Defaults to none.
        beside: whether the bare film is at the left. Defaults to True.

    Returns:
        An RGB picture: as wide as two films and a gap, or as one; a film is enlarged to 320 pixels if it is smaller.
    """
    bare = _wide_enough(film)
    laid = lay_heat(bare, cam, alpha=alpha, outline=outline, box=box)
    bar = _heat_bar(laid.width, alpha=alpha)
    gap = max(4, laid.width // 100) if beside else 0
    left = laid.width + gap if beside else 0
    both = Image.new("RGB", (left + laid.width, laid.height + bar.height), "black")
    if beside:
        both.paste(bare, (0, 0))
    both.paste(laid, (left, 0))
    both.paste(bar, (left, laid.height))
    return _framed(both, title=title, caption=caption, of=laid.width)


def lay_heat(
    picture: Image.Image,
    cam: np.ndarray,
    *,
    alpha: float,
    outline: np.ndarray | None = None,
    box: FilmBox = WHOLE_FILM,
) -> Image.Image:
    """Lay a class activation map over a film, with a line around what is above half of its peak, without any text.

    Args:
        picture: the film, gray, of any size.
        cam: (h, w) float32, signed; only evidence for the class is drawn.
        alpha: opacity of the hottest place, in [0, 1].
        outline: (H, W) bool, a mask whose edge is drawn too, of any size. Defaults to none.
        box: a part whose edge is drawn too. Defaults to none.

    Returns:
        An RGB picture of the same size.
    """
    level = _level(cam, picture.size)
    gray = np.asarray(picture, dtype=np.float32)[..., None]
    opacity = (alpha * level)[..., None]
    laid = Image.fromarray(np.rint(gray * (1 - opacity) + heat_colors(level) * opacity).astype(np.uint8))
    if alpha > 0:
        _draw_contour(laid, level)
    if outline is not None:
        laid.paste(_MASK_COLOR, mask=_edge(_fitted(outline, laid.size)))
    if box != WHOLE_FILM:
        left, top, right, bottom = np.rint(np.array(box) * (np.array(laid.size * 2) - 1)).astype(int).tolist()
        width = max(1, laid.width // 400)
        ImageDraw.Draw(laid).rectangle((left, top, right, bottom), outline=_BOX_COLOR, width=width)
    return laid


def heat_levels(cam: np.ndarray, *, size: tuple[int, int]) -> np.ndarray:
    """How hot each place is, to be colored by `heat_palette` and laid over a film.

    Args:
        cam: (h, w) float32, signed; only evidence for the class counts.
        size: (width, height) in pixels.

    Returns:
        (height, width) uint8; 255 is the map's largest value. The opacity is in proportion, see `draw_heat_map`.
    """
    return np.asarray(np.rint(_level(cam, size) * 255), dtype=np.uint8)


def heat_palette() -> np.ndarray:
    """The color of each heat level from 0 to 255: (256, 3) uint8."""
    return np.asarray(np.rint(heat_colors(np.linspace(0, 1, 256))), dtype=np.uint8)


def draw_mask(film: np.ndarray, mask: np.ndarray, *, title: str, caption: str) -> Image.Image:
    """Outline and tint a mask on a film, with a title above and a caption below.

    Args:
        film: (H, W) uint8.
        mask: (H, W) bool.
        title: what the mask is.
        caption: what the picture shows, and what it does not.

    Returns:
        An RGB picture: as wide as the film, or enlarged to 320 pixels.
    """
    picture = _wide_enough(film).convert("RGB")
    shape = _fitted(mask, picture.size)
    picture.paste(_MASK_COLOR, mask=shape.point(lambda value: round(_TINT * value)))
    picture.paste(_MASK_COLOR, mask=_edge(shape))
    return _framed(picture, title=title, caption=caption)


def draw_clusters(labels: np.ndarray) -> Image.Image:
    """Draw a map of clusters: its pixels are the clusters' numbers, its palette gets lighter, and 0 is black.

    Args:
        labels: (H, W) uint8.
    """
    picture = Image.fromarray(labels).convert("P")
    used = int(labels.max())
    colors = np.zeros((256, 3))
    colors[1 : used + 1] = heat_colors((np.arange(used) + 0.5) / max(used, 1))
    picture.putpalette(np.rint(colors).astype(np.uint8).tobytes())
    return picture


def _fitted(mask: np.ndarray, size: tuple[int, int]) -> Image.Image:
    """Resize a mask, (H, W) bool, to a picture of 0 and 255."""
    return Image.fromarray(mask).convert("L").resize(size, Image.Resampling.NEAREST)


def _edge(shape: Image.Image) -> Image.Image:
    """A line just inside the edge of a mask of 0 and 255."""
    inside = np.asarray(shape) > 0
    return Image.fromarray(inside & ~_shrunk(inside, max(1, shape.width // 400)))


def _shrunk(inside: np.ndarray, pixels: int) -> np.ndarray:
    """A mask, (H, W) bool, without its outer pixels; what reaches the end of the picture isn't cut there."""
    for _ in range(pixels):  # a rank filter of Pillow's takes a hundred times as long for a large film
        padded = np.pad(inside, 1, mode="edge")
        rows = padded[:-2] & padded[1:-1] & padded[2:]
        inside = rows[:, :-2] & rows[:, 1:-1] & rows[:, 2:]
    return inside


def _wide_enough(film: np.ndarray) -> Image.Image:
    picture = Image.fromarray(film)
    if picture.width >= _MIN_WIDTH:
        return picture
    return picture.resize((_MIN_WIDTH, round(picture.height * _MIN_WIDTH / picture.width)))


def _level(cam: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(h, w) signed -> (height, width) in [0, 1]."""
    return np.asarray(Image.fromarray(heat(cam)).resize(size, Image.Resampling.BICUBIC)).clip(0, 1)


def _draw_contour(laid: Image.Image, level: np.ndarray) -> None:
    """Draw where a map crosses half of its peak: white in black, which shows on every film and every heat."""
    line = _edge(Image.fromarray(level >= _CONTOUR).convert("L"))
    laid.paste("black", mask=Image.fromarray(~_shrunk(~np.asarray(line), 1)))
    laid.paste("white", mask=line)


def _heat_bar(width: int, *, alpha: float) -> Image.Image:
    """The colors of heat on a gray film, from no heat to the map's largest value, with their meaning below."""
    font = ImageFont.load_default(_small(width))
    margin, high = max(6, width // 60), max(10, width // 32)
    level = np.tile(np.linspace(0, 1, width - 2 * margin), (high, 1))
    opacity = (alpha * level)[..., None]
    colors = np.rint(_BAR_GRAY * (1 - opacity) + heat_colors(level) * opacity).astype(np.uint8)
    bar = Image.new("RGB", (width, high + _text_height("0", font) + 3 * margin), "black")
    bar.paste(Image.fromarray(colors), (margin, margin))
    pen, middle, below = ImageDraw.Draw(bar), width // 2, high + 2 * margin
    thick = max(1, width // 400)
    pen.rectangle((middle - 2 * thick, margin, middle + 2 * thick, margin + high - 1), fill="black")
    pen.rectangle((middle - thick, margin, middle + thick, margin + high - 1), fill="white")
    pen.text((margin, below), "0: none", font=font, fill=_QUIET)
    pen.text((middle, below), "line: 0.5", font=font, fill=_QUIET, anchor="ma")
    pen.text((width - margin, below), "1: most in this film", font=font, fill=_QUIET, anchor="ra")
    return bar


def _small(width: int) -> int:
    """The size of small text, in pixels, beside a film of this width."""
    return max(11, width // 42)


def _framed(picture: Image.Image, *, title: str, caption: str, of: int | None = None) -> Image.Image:
    """Put a title above and a caption below a picture, in type for a film that is `of` pixels wide, as it is itself."""
    width = of or picture.width
    large, small = ImageFont.load_default(max(16, width // 24)), ImageFont.load_default(_small(width))
    margin = max(6, width // 60)
    heads = _wrapped(title, large, picture.width - 2 * margin)
    feet = _wrapped(caption, small, picture.width - 2 * margin)
    top = _text_height(heads, large) + 2 * margin
    bottom = _text_height(feet, small) + 2 * margin
    framed = Image.new("RGB", (picture.width, picture.height + top + bottom), "black")
    framed.paste(picture, (0, top))
    pen = ImageDraw.Draw(framed)
    pen.multiline_text((margin, margin), heads, font=large, fill="white")
    pen.multiline_text((margin, top + picture.height + margin), feet, font=small, fill=_QUIET)
    return framed


def _text_height(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> int:
    pen = ImageDraw.Draw(Image.new("L", (1, 1)))
    return round(pen.multiline_textbbox((0, 0), text, font=font)[3])


def _wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines)
