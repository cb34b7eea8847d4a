"""What a layer, and the whole network, makes of a face: feature maps."""

from fer_keras.explain.outputs import feature_maps, network_sample
from fer_keras.explanations.folder import MethodFolder
from fer_keras.explanations.progress import Tell
from fer_keras.explanations.study import Study
from fer_keras.plots.outputs import feature_maps_figure, first_filter_figure, network_sample_figure


def write_outputs(study: Study, folder: MethodFolder, tell: Tell) -> None:
    """Write three sheets for each image: the first filter, all filters of the layer, the whole network; and maps.npz.

    The images are those named by `--index`, else the first of the split.
    """
    options, layer = study.options, study.network.layer
    indices = study.selection.chosen if len(study.selection.chosen) else study.selection.first[:1]
    images = study.images[indices]
    maps = feature_maps(study.network.model, layer, images)  # (n, C, h, w)
    folder.arrays(
        f"All feature maps of {layer}: (images, channels, height, width)",
        maps=maps,
        **study.arrays(indices),
    )
    number = options.filter[0] if options.filter else 0
    for done, (index, image, of_image) in enumerate(zip(indices, images, maps, strict=True)):
        place, said = f"image-{index}", study.caption(index)
        heading = f"Image {said}"
        figure = first_filter_figure(image, of_image[number], number=number, title=f"{layer}, image {said}")
        folder.figure(f"{place}/filter_{number}.png", figure, f"Filter {number} of {layer}.", heading=heading)
        figure = feature_maps_figure(image, of_image, title=f"{layer}, image {said}")
        caption = f"All {len(of_image)} feature maps of {layer}, numbered; each on its own scale."
        folder.figure(f"{place}/{layer}.png", figure, caption, heading=heading)
        samples = network_sample(study.network.model, image, channels=options.channels, seed=options.seed)
        if samples:
            maps_of_layers = [(one.layer, one.channels, one.maps) for one in samples]
            figure = network_sample_figure(image, maps_of_layers, title=f"Every convolution, image {said}")
            caption = (
                f"Every convolution, from the input on, stage by stage: {options.channels} channels each, or all "
                "that there are, chosen at random and numbered; each on its own scale."
            )
            folder.figure(f"{place}/network.png", figure, caption, heading=heading)
        tell(done + 1, len(indices))
