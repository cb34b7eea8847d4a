"""How good an explanation is: scores of attribution maps, a number for each image, beside maps that know no network.

Faithful (deletion, insertion), on the face (focus, pointing), steady (sensitivity), of what was learned (untrained). No
single one says that a map is right: edges are on the face, noise is of no network at all. So each is read beside those
two, and all of them together.
"""
