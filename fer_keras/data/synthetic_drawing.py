"""Draws synthetic faces feature by feature, from the backdrop to a hand in front of the face.

Every drawing function takes a canvas and the grid of its pixels, and numbers (B, 1, 1): lengths in pixels of a face
at scale 1. `act` maps FACS action units to intensities; the comments name the unit where its number does not.
"""

from dataclasses import fields, replace

import numpy as np

from fer_keras.data.synthetic_canvas import (
    BACKGROUND,
    BROWS,
    CHEEKS,
    EYES,
    FOREHEAD_HAIR,
    HANDS,
    MOUTH,
    NOSE,
    SKIN,
    Canvas,
    Grid,
    Image,
    band,
    bump,
    cover,
    develop,
    ellipse,
    grid_of,
    light,
    smoothed,
    square,
)
from fer_keras.data.synthetic_people import Person, Shot
from fer_keras.emotions import IMAGE_SIZE

Units = dict[int | str, np.ndarray]
NOISE_SHAPE = (6, IMAGE_SIZE, IMAGE_SIZE)  # bytes for a face: two textures, then four layers for the grain


def draw(person: Person, act: Units, shot: Shot, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return B images and part maps, both uint8 (B, 48, 48). noise: uint8 (B, *NOISE_SHAPE)."""
    canvas = paint(person, act, shot, noise[:, :2].astype(np.float32) / 255 - np.float32(0.5))
    return develop(canvas.tone, shot, noise[:, 2:]), canvas.parts()


def paint(person: Person, act: Units, shot: Shot, texture: np.ndarray) -> Canvas:
    """Return the painted canvas, before the camera. texture: float32 (B, 2, 48, 48), -0.5..0.5."""
    canvas, grid = Canvas(len(texture)), grid_of(shot)
    strands = smoothed(texture[:, 0], 1, 1, 2, 3)
    skin_texture = smoothed(smoothed(texture[:, 1], 1, 1, 2), 2, 1, 2)
    _backdrop(canvas, shot, texture[:, 0])
    head = _head(canvas, grid, person, act, shot, strands)
    relief = _face(canvas, grid, person, act, head)
    canvas.shade(head * (0.3 * skin_texture))
    for feature, low, high in (
        (_nose_creases, -8, 12),
        (_eye_creases, -11, 5),
        (_mouth_creases, 2, 26),
        (_forehead_creases, -26, -5),
        (_mouth, 2, 32),
        (_eyes, -12, 4),
        (_brows, -24, -3),
    ):
        rows = grid.rows(low, high)
        feature(canvas.window(np.s_[:], rows), grid.window(np.s_[:], rows), person, act, shot)
    _front_hair(canvas, grid, person, shot, strands)
    for i in np.flatnonzero(person.glasses):
        rows = grid.rows(-10, 3)
        _glasses(canvas.window(np.s_[i : i + 1], rows), grid.window(np.s_[i : i + 1], rows), _only(person, i))
    canvas.shade(canvas.lit * light(relief, shot))
    for i in np.flatnonzero(shot.hand):
        one = np.s_[i : i + 1]
        _hand(canvas.window(one, np.s_[:]), grid.window(one, np.s_[:]), _only(person, i), _only(shot, i))
    return canvas


def _only(drawn, i: int):
    """Return the person or shot of one face of the block."""
    return replace(drawn, **{field.name: getattr(drawn, field.name)[i : i + 1] for field in fields(drawn)})


def _backdrop(canvas: Canvas, shot: Shot, texture: Image) -> None:
    slope = np.linspace(-1, 1, IMAGE_SIZE, dtype=np.float32)[:, None]
    blotches = smoothed(smoothed(texture, 1, 1, 3, 6), 2, 1, 3, 6)
    canvas.stain(1, shot.background + shot.backdrop_slope * slope + 2 * blotches)  # a new canvas is all background


def _head(canvas: Canvas, grid: Grid, person: Person, act: Units, shot: Shot, strands: Image) -> Image:
    """Draw hair behind the head, shoulders, neck, ears and the bare head; return the cover of the head."""
    x, y, _, _, _ = grid
    side = np.abs(x)
    above = np.maximum(ellipse(x, y + 6, person.width + person.hair_volume, 23 + person.hair_volume), y + 6)
    fall = np.maximum(np.maximum(side - person.width - 0.8 * person.hair_volume, y - person.hair_length), -9 - y)
    canvas.paint(FOREHEAD_HAIR, cover(np.minimum(above, fall), 2), person.hair * (1 + strands), lit=0.5)
    rows = grid.rows(7, np.inf)
    low, low_y, low_side = canvas.window(np.s_[:], rows), y[:, rows], side[:, rows]
    low.paint(BACKGROUND, cover(21 + 0.012 * square(low_side) - low_y, 1.5), shot.clothes, lit=0.3)
    neck = np.maximum(np.maximum(low_side - 0.55 * person.width, 10 - low_y), low_y - 29 + 0.1 * low_side)
    low.paint(SKIN, cover(neck, 1.5), person.skin * 0.62, lit=0.3)
    ears = cover(ellipse(side - person.width + 0.3, y - 0.5, 2.6, 5)) * (person.hair_length < 4)
    canvas.paint(SKIN, ears, person.skin * 0.8)
    chin = person.chin + 1.2 * act[26] + 2 * act[27]  # a dropped jaw lengthens the head
    width = person.width * (1 - person.jaw * square(np.maximum(y, 0) / chin))
    ratio, height = square(x / width), y / np.where(y > 0, chin, np.float32(27))
    # |x/w|**3 + |y/h|**3 = 1 is somewhat squarer than an ellipse.
    head = cover((np.sqrt(ratio * np.sqrt(ratio) + square(height) * np.abs(height)) - 1) * 15)
    canvas.paint(SKIN, head, person.skin)
    return head


def _face(canvas: Canvas, grid: Grid, person: Person, act: Units, head: Image) -> Image:
    """Draw forehead, cheeks, nose and beard; return the relief of the face (B, 48, 48) in pixels."""
    x, y, u, v, nose_u = grid
    side, mouth_v = np.abs(u), v - person.mouth_height
    brow_v = v - person.brow_height + 1.5 * act[1] + 1.5 * act[2]
    cheek_v = v - 6.5 + 1.6 * act[6] + 0.7 * act[9] + 0.6 * act[12]  # raised cheeks
    tip_v, nose_width = v - _nose_tip(person, act), _nose_width(person, act)
    canvas.paint(FOREHEAD_HAIR, head * cover(brow_v - 0.5), person.skin * 1.02)
    canvas.paint(CHEEKS, head * cover(ellipse(side - 10, cheek_v, 5.2, 5.5)), person.skin * (0.99 + 0.03 * act[6]))
    widening = square(np.clip((v + 5) / (person.nose_tip + 5), 0, 1)) * (nose_width - 1.7)
    nose = np.maximum(np.maximum(np.abs(nose_u) - 1.7 - widening, -6 - v), tip_v - 0.8 + 0.12 * np.abs(nose_u))
    canvas.paint(NOSE, cover(nose), person.skin)

    jaw_line = 0.25 * np.maximum(5 - side, 0) * (v < 10) - 0.35 * np.maximum(side - 6, 0)
    beard = person.beard * cover(6 - v + jaw_line, 5) * cover(3.5 - mouth_v - 0.55 * side, 4)
    moustache = person.beard * person.moustache
    moustache = moustache * cover(np.maximum(np.abs(mouth_v + 3.2 - 0.04 * square(u)) - 1.1, side - 7), 1.5)
    canvas.stain(0.75 * head * np.maximum(beard, moustache), np.minimum(person.hair, 0.7 * person.skin))

    relief = 9 * np.sqrt(np.maximum(1 - square(x / 21) - 0.75 * square(y / 27), 0.02))
    relief += 2.7 * bump(nose_u, tip_v + 2.2, 5, 6) + 1.5 * bump(nose_u, v - 1, 3.2, 11)
    relief += (0.9 + 0.5 * act[4]) * bump(side - 6, brow_v - 1, 9, 4)
    relief -= 2 * bump(side - person.eye_distance, v + 4, 6.5, 5)
    relief += (0.8 + 0.8 * act[6] + 0.4 * act[12]) * bump(side - 9, cheek_v + 0.5, 8, 6.5)
    relief += 1.2 * bump(u, mouth_v, 9, 5) + (1.3 + 0.8 * act[17]) * bump(u, mouth_v - 7.5, 6, 4)
    return relief


def _nose_tip(person: Person, act: Units) -> np.ndarray:
    return person.nose_tip - 0.9 * act[9] - 0.4 * act[10]


def _nose_width(person: Person, act: Units) -> np.ndarray:
    return person.nose_width + 0.5 * act[9] + 0.3 * act[10] + 0.4 * act[12]


def _nose_creases(canvas: Canvas, grid: Grid, person: Person, act: Units, shot: Shot) -> None:
    v, across = grid.v, np.abs(grid.nose_u)
    tip_v, width = v - _nose_tip(person, act), _nose_width(person, act)
    nostrils = 0.55 * band(np.abs(across - 1.8), 0.75, 1.2) * band(tip_v + 0.2, 0.4, 1.4)
    wings = 0.3 * band(across - width, 0.3, 1.6) * band(tip_v + 1.5, 1, 2)
    # A wrinkled nose: two lines across its root, and one down either side.
    root = 0.4 * act[9] * band(np.abs(v + 3.2 - 0.35 * across) - 1.5, 0.2, 1.6) * cover(across - 2.2, 1.6)
    sides = 0.3 * act[9] * band(across - 2.8 - 0.22 * (v + 2), 0.2, 2.4) * band(v - 1, 3.5, 2)
    canvas.shade(-np.minimum(nostrils + wings + root + sides, 0.7))


def _eye_creases(canvas: Canvas, grid: Grid, person: Person, act: Units, shot: Shot) -> None:
    """Bags below the eyes, and the laughter lines at their outer corners that tell a felt smile."""
    v, out = grid.v, np.abs(grid.u) - person.eye_distance
    bags = band(v + 0.8 * act[6] + 0.35 * act[9] - 0.2 - 0.05 * square(out), 0.3, 1.8) * band(out, 3, 2)
    bags = bags * (0.1 + 0.2 * person.age + 0.2 * act[6] + 0.15 * act[9])
    corner = out - person.eye_width
    laughter = 0.3 * act[6] * band(np.abs(v + 4) - 0.45 * corner, 0.2, 1.4) * band(corner - 2.2, 1.2, 1.5)
    canvas.shade(-bags - laughter)


def _mouth_creases(canvas: Canvas, grid: Grid, person: Person, act: Units, shot: Shot) -> None:
    """The fold from the wing of the nose around the corner of the mouth, and the dent above the chin."""
    side, below = np.abs(grid.u), grid.v - _nose_tip(person, act) + 1
    depth = 0.22 * (1 + person.age) * act[12] + 0.4 * act[9] + 0.3 * act[10] + 0.12 * person.age + 0.1 * act[20]
    path = side - _nose_width(person, act) - 0.6 - 0.75 * below + 0.03 * square(below)
    fold = np.minimum(depth, 0.6) * band(path, 0.35, 1.8) * band(below - 3.2, 3.2, 2)
    dent = (0.1 + 0.25 * act[17]) * bump(grid.u, grid.v - person.mouth_height - 4.4, 5, 1.4)
    canvas.shade(-fold - dent)


def _forehead_creases(canvas: Canvas, grid: Grid, person: Person, act: Units, shot: Shot) -> None:
    """Level lines above raised brows, upright ones between lowered brows."""
    side = np.abs(grid.u)
    brow_v = grid.v - person.brow_height + 1.5 * act[1] + 1.5 * act[2]
    level = band(np.abs(brow_v + 4 + 0.012 * square(side)) - 1.3, 0.2, 1.5) * cover(side - 8, 3)
    level = level * np.minimum((0.22 * act[1] + 0.3 * act[2]) * (0.4 + 0.7 * person.age), 0.5)
    upright = 0.45 * act[4] * band(side - 1.5, 0.2, 1.4) * band(grid.v + 9, 1.6, 1.6)
    canvas.shade(-level - upright)


def _mouth(canvas: Canvas, grid: Grid, person: Person, act: Units, shot: Shot) -> None:
    """Two lips between four curves over t = (u / half width)**2, and what shows between them."""
    u, v = grid.u, grid.v
    smile, stretch, wide, pressed = act[12], act[20], act[27], np.minimum(act[24], 1)
    half_width = person.mouth_width + 2 * smile + 1.8 * stretch - 2.2 * wide - 0.5 * pressed - 0.4 * act[17]
    half_width = half_width - 0.4 * act[26]
    corner = 2.6 * act[15] - 3.4 * smile + 0.5 * stretch + 1.2 * act[10]  # of the line between the lips
    middle = person.mouth_height + 1.2 * smile - 0.9 * act[10] - 0.9 * act[15] - 0.6 * act[17] - 0.6 * stretch
    opening = 1.3 * act[25] + 1.9 * act[26] + 3.4 * wide
    above, is_open = 0.4 * opening + 0.5 * act[10] * (act[25] > 0), opening > 0.3
    t = square(u / half_width)
    round_ = np.maximum(1 - t, 0)
    squareness = np.clip(0.9 * stretch + 0.9 * act["lower teeth"] + 0.4 * act[10], 0, 1)
    profile = round_ * (1 + squareness * t)
    profile += wide * (np.sqrt(round_) - profile)
    line = middle + corner * t
    upper, lower = line - above * profile, line + opening * profile
    cupid = 1 - 0.25 * np.maximum(1 - np.abs(u) / 1.6, 0)
    upper_lip = 1.7 * person.lips * (1 - 0.6 * pressed) * (1 - 0.25 * smile - 0.25 * stretch) * cupid * round_
    lower_lip = 2.1 * person.lips * (1 - 0.6 * pressed) * (1 - 0.2 * smile + 0.3 * act[17]) * round_
    ends = np.abs(u) - half_width

    lips = np.maximum(np.maximum(upper - upper_lip - v, v - lower - lower_lip), ends)
    shine = 1 + 0.22 * band(v - lower - 0.5 * lower_lip, 0.3, 1.5) - 0.12 * (v < line)
    canvas.paint(MOUTH, cover(lips), person.skin * person.lip_tone * shine)
    cavity = cover(np.maximum(np.maximum(upper - v, v - lower), ends)) * is_open
    closed = 0.8 * cover(np.maximum(np.abs(v - line) - 0.35, ends), 1.2)
    canvas.paint(MOUTH, np.maximum(cavity, closed), 0.08 + 0.06 * person.skin, lit=0.2)
    tongue = cavity * cover(ellipse(u, v - lower + 0.2, 0.6 * half_width, 0.45 * opening + 0.1)) * (opening > 2)
    canvas.paint(MOUTH, tongue, 0.05 + 0.45 * person.skin, lit=0.3)
    gap = (above + opening) * profile
    upper_teeth = np.maximum(v - upper - gap * act["upper teeth"], upper + 0.2 - v)
    lower_teeth = np.maximum(lower - gap * 0.8 * act["lower teeth"] - v, v - lower + 0.2)
    teeth = cover(np.maximum(np.minimum(upper_teeth, lower_teeth), np.abs(u) - 0.86 * half_width))
    canvas.paint(MOUTH, teeth * (is_open & (act["upper teeth"] + act["lower teeth"] > 0)), 0.88 - 0.1 * t, lit=0.4)
    dimples = np.minimum(0.25 + 0.2 * smile + 0.2 * act[15], 0.5)
    canvas.shade(-dimples * bump(ends - 0.3, v - middle - corner, 2, 2))


def _eyes(canvas: Canvas, grid: Grid, person: Person, act: Units, shot: Shot) -> None:
    """The eye is open between two arcs; the part reaches from the fold of the upper lid to below the lower one."""
    out = np.abs(grid.u) - person.eye_distance  # towards the temple
    v = grid.v + 4
    along = out / person.eye_width
    arc = np.maximum(1 - square(along), 0)
    raised = 2.2 + 1.5 * act[5] - 0.3 * act[6] - 0.55 * act[7] - 0.7 * act[9] - 1.2 * act[41]
    top = person.eye_opening * np.maximum(raised, 0.6) * arc
    bottom = np.maximum(1.3 + 0.45 * act[5] - 1.3 * act[6] - 0.45 * act[7] - 0.3 * act[9], -0.7) * arc
    # Drooping lids hang at the temple; lowered brows press the inner end down, unless drawn up at the same time.
    slant = 0.9 * (act[41] - np.maximum(act[4] - 0.9 * act[1], 0)) * along * (arc > 0)
    ends = np.abs(out) - person.eye_width
    lids = np.maximum(np.maximum(-top - 1.5 - v, v - np.maximum(bottom, 0) - 1), ends - 0.8)
    canvas.paint(EYES, cover(lids), person.skin * 0.86)
    opening = cover(np.maximum(np.maximum(slant - top - v, v - bottom), ends))
    canvas.paint(EYES, opening, 0.6 + 0.25 * person.skin, lit=0.5)
    eye_u = grid.u - np.sign(grid.u) * person.eye_distance - shot.gaze
    distance = np.sqrt(square(eye_u) + square(v + 0.3))
    canvas.paint(EYES, opening * cover(distance - 2), np.where(distance < 1, 0.03, person.iris), lit=0.2)
    glint = cover(np.sqrt(square(eye_u + 0.7) + square(v + 1.1)) - 0.45)
    canvas.paint(EYES, 0.85 * opening * glint, 0.95, lit=0)
    lashes = np.maximum(np.abs(v + top - slant + 0.2) - 0.35 - 0.35 * person.lashes, ends - 0.4)
    canvas.paint(EYES, 0.85 * cover(lashes), 0.02 + 0.1 * person.skin, lit=0.3)
    rim = np.maximum(np.abs(v - bottom - 0.1) - 0.2, ends)
    canvas.paint(EYES, 0.35 * cover(rim), 0.3 * person.skin, lit=0.5)


def _brows(canvas: Canvas, grid: Grid, person: Person, act: Units, shot: Shot) -> None:
    """A brow is a parabola through its inner end, its middle and its outer end."""
    rest = person.brow_height
    inner = rest - 2.6 * act[1] + 2.9 * act[4] + 0.8 * act[9]
    middle = rest - 0.9 - 1.5 * act[1] - 2 * act[2] + 1.9 * act[4] + 0.7 * act[9]
    outer = rest + 0.7 - 2.2 * act[2] - 0.2 * act[4] + 0.5 * act[1]
    start = 3.6 - 1.4 * act[4] - 0.3 * act[9]  # drawn together
    t = (np.abs(grid.u) - start) / (person.eye_distance + 5 - start)
    line = inner * (1 - t) * (1 - 2 * t) + middle * 4 * t * (1 - t) + outer * t * (2 * t - 1)
    half = person.brow_thickness * (1.15 - 0.75 * np.clip(t, 0, 1))
    brow = np.maximum(np.abs(grid.v - line) - half, np.maximum(-t, t - 1) * 9)
    canvas.paint(BROWS, 0.92 * cover(brow, 1.2), np.minimum(0.8 * person.hair, 0.5 * person.skin), lit=0.5)


def _front_hair(canvas: Canvas, grid: Grid, person: Person, shot: Shot, strands: Image) -> None:
    x, y = grid.x, grid.y
    outline = ellipse(x, y + 3, person.width + 0.5 + person.hair_volume, 25 + person.hair_volume)
    hairline = person.hairline + person.hairline_curve * square(x) + person.parting * x
    hair = np.maximum(np.maximum(outline, y - hairline + 5 * smoothed(strands, 2, 1, 2)), y - 10)
    gloss = 0.4 * bump(x + 5 * shot.light_right, y + 19, 24, 6)
    canvas.paint(FOREHEAD_HAIR, cover(hair, 1.6), person.hair * (1 + 1.5 * strands + gloss), lit=0.5)


def _glasses(canvas: Canvas, grid: Grid, person: Person) -> None:
    """Their frame hides what it covers: it counts as skin, the rest of the face."""
    out = np.abs(grid.u) - person.eye_distance - 0.2
    rims = np.abs(ellipse(out, grid.v + 3.6, 6, 4.8)) - 0.35
    bridge = np.maximum(np.abs(grid.v + 5) - 0.35, np.minimum(np.abs(grid.u) - 3, np.abs(out - 9) - 4))
    frame = cover(np.minimum(rims, bridge)) * (np.abs(grid.x) < person.width)
    canvas.paint(SKIN, 0.85 * frame, 0.08, lit=0.1)


def _hand(canvas: Canvas, grid: Grid, person: Person, shot: Shot) -> None:
    """Four fingers and the palm below them, with their shadow on the face."""
    y = grid.y - shot.hand_down
    x = grid.x - shot.hand_right - shot.hand_slant * y
    finger = np.clip(np.floor(x / 4 + 2), 0, 3)
    across, tip = x - (4 * finger - 6), y - 1.1 * square(finger - 1.6)
    fingers = np.where(tip < 0, np.sqrt(square(across) + square(tip)), np.abs(across)) - 2.1
    hand = np.minimum(fingers, np.maximum(np.abs(x) - 8, 10 - y))
    canvas.shade(-0.35 * cover(hand - 1.2, 3))
    rounding = 1 - 0.2 * square(across / 2.1) * (y < 13) - 0.1 * (x * shot.light_right < 0)
    canvas.paint(HANDS, cover(hand), 0.97 * person.skin * rounding)
