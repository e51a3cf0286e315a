"""Pictures of a heat map or a mask on a film."""

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from cxr_cli.films.transforms import WHOLE_FILM, FilmBox

# Turbo, a rainbow color map (Mikhailov 2019), as the polynomial of degree 5 in its authors' shader.
_TURBO = np.array(
    [
        [0.13572138, 4.61539260, -42.66032258, 132.13108234, -152.94239396, 59.28637943],
        [0.09140261, 2.19418839, 4.84296658, -14.18503333, 4.27729857, 2.82956604],
        [0.10667330, 12.64194608, -60.58204836, 110.36276771, -89.90310912, 27.34824973],
    ]
)
_MIN_WIDTH = 320
_PLACED_SIDE = 128  # maps have 5 to 20 places a side, and are smooth
_MASK_COLOR = (64, 224, 208)  # turquoise, which shows on black and on white
_BOX_COLOR = (200, 200, 200)
_TINT = 0.15  # opacity of the color inside a mask


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
) -> Image.Image:
    """Lay a class activation map over a film, with a title above and a caption below.

    Args:
        film: (H, W) uint8.
        cam: (h, w) float32, signed; only evidence for the class is drawn.
        alpha: opacity of the hottest place, in [0, 1]. Colder places are more transparent, in proportion.
        title: the class and confidence.
        caption: what the picture shows, and what it does not.
        outline: (H, W) bool, a mask whose edge is drawn too. Defaults to none.
        box: a part whose edge is drawn too. Defaults to none.

    Returns:
        An RGB picture: as wide as the film, or enlarged to 320 pixels.
    """
    laid = lay_heat(_wide_enough(film), cam, alpha=alpha, outline=outline, box=box)
    return _framed(laid, title=title, caption=caption)


def lay_heat(
    picture: Image.Image,
    cam: np.ndarray,
    *,
    alpha: float,
    outline: np.ndarray | None = None,
    box: FilmBox = WHOLE_FILM,
) -> Image.Image:
    """Lay a class activation map over a film, without any text.

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
    laid = Image.fromarray(np.rint(gray * (1 - opacity) + _colors(level) * opacity).astype(np.uint8))
    if outline is not None:
        laid.paste(_MASK_COLOR, mask=_edge(_fitted(outline, laid.size)))
    if box != WHOLE_FILM:
        left, top, right, bottom = np.rint(np.array(box) * (np.array(laid.size * 2) - 1)).astype(int).tolist()
        width = max(1, laid.width // 400)
        ImageDraw.Draw(laid).rectangle((left, top, right, bottom), outline=_BOX_COLOR, width=width)
    return laid


def draw_heat(cam: np.ndarray, *, size: tuple[int, int]) -> Image.Image:
    """Draw the heat alone, to be laid over a film. Its opacity there is the `alpha` of `draw_heat_map`.

    Args:
        cam: (h, w) float32, signed; only evidence for the class is drawn.
        size: (width, height) in pixels.

    Returns:
        An RGBA picture; hotter places are more opaque.
    """
    level = _level(cam, size)
    layer = np.concatenate([_colors(level), level[..., None] * 255], axis=-1)
    return Image.fromarray(np.rint(layer).astype(np.uint8))


def with_heat_scale(picture: Image.Image) -> Image.Image:
    """Put the color scale of a heat map below its picture, from no heat to the map's largest value.

    Args:
        picture: an RGB picture of `draw_heat_map`.

    Returns:
        A higher RGB picture.
    """
    font = ImageFont.load_default(max(11, picture.width // 42))
    margin = max(6, picture.width // 60)
    bar = max(8, picture.width // 50)
    level = np.tile(np.linspace(0, 1, picture.width - 2 * margin), (bar, 1))
    bottom = bar + _text_height("0", font) + 3 * margin
    scaled = Image.new("RGB", (picture.width, picture.height + bottom), "black")
    scaled.paste(picture, (0, 0))
    scaled.paste(Image.fromarray(np.rint(_colors(level)).astype(np.uint8)), (margin, picture.height))
    pen = ImageDraw.Draw(scaled)
    below = picture.height + bar + margin
    pen.text((margin, below), "0", font=font, fill=(200, 200, 200))
    end = "1, the map's largest value"
    pen.text((picture.width - margin - font.getlength(end), below), end, font=font, fill=(200, 200, 200))
    return scaled


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
    """Draw a map of clusters: its pixels are the clusters' numbers, its palette runs from blue to red, and 0 is black.

    Args:
        labels: (H, W) uint8.
    """
    picture = Image.fromarray(labels).convert("P")
    used = int(labels.max())
    colors = np.zeros((256, 3))
    colors[1 : used + 1] = _colors((np.arange(used) + 0.5) / max(used, 1))
    picture.putpalette(np.rint(colors).astype(np.uint8).tobytes())
    return picture


def _fitted(mask: np.ndarray, size: tuple[int, int]) -> Image.Image:
    """Resize a mask, (H, W) bool, to a picture of 0 and 255."""
    return Image.fromarray(mask).convert("L").resize(size, Image.Resampling.NEAREST)


def _edge(shape: Image.Image) -> Image.Image:
    """A line just inside the edge of a mask of 0 and 255."""
    thickness = 2 * max(1, shape.width // 400) + 1
    return ImageChops.subtract(shape, shape.filter(ImageFilter.MinFilter(thickness)))


def _wide_enough(film: np.ndarray) -> Image.Image:
    picture = Image.fromarray(film)
    if picture.width >= _MIN_WIDTH:
        return picture
    return picture.resize((_MIN_WIDTH, round(picture.height * _MIN_WIDTH / picture.width)))


def _level(cam: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(h, w) signed -> (height, width) in [0, 1]."""
    return np.asarray(Image.fromarray(heat(cam)).resize(size, Image.Resampling.BICUBIC)).clip(0, 1)


def _colors(level: np.ndarray) -> np.ndarray:
    """(H, W) in [0, 1] -> (H, W, 3) float in [0, 255]."""
    powers = np.stack([level**power for power in range(_TURBO.shape[1])], axis=-1)
    return np.asarray((powers @ _TURBO.T).clip(0, 1) * 255)


def _framed(picture: Image.Image, *, title: str, caption: str) -> Image.Image:
    large = ImageFont.load_default(max(16, picture.width // 24))
    small = ImageFont.load_default(max(11, picture.width // 42))
    margin = max(6, picture.width // 60)
    heads = _wrapped(title, large, picture.width - 2 * margin)
    feet = _wrapped(caption, small, picture.width - 2 * margin)
    top = _text_height(heads, large) + 2 * margin
    bottom = _text_height(feet, small) + 2 * margin
    framed = Image.new("RGB", (picture.width, picture.height + top + bottom), "black")
    framed.paste(picture, (0, top))
    pen = ImageDraw.Draw(framed)
    pen.multiline_text((margin, margin), heads, font=large, fill="white")
    pen.multiline_text((margin, top + picture.height + margin), feet, font=small, fill=(200, 200, 200))
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
