"""How good an explanation is: scores of attribution maps, a number for each image, beside maps that know no network.

Faithful (deletion, insertion), on the face (focus, pointing), steady (sensitivity), of what was learned (untrained,
upper), of this decision (runner-up). No single one says that a map is right: edges are on the face, a spot in the
centre is where faces are, noise is of no network at all. So each is read beside these three, and all of them together.
"""
