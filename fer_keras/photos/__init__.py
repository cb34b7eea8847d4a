"""One's own photos: found, searched for faces, cropped as FER2013's faces are, and read by a network."""
