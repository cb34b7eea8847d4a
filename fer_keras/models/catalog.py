"""The networks by name, for command lines: readable without importing Keras. `registry` builds them."""

ARCHITECTURES = {
    "vgg25": "VGG-style, five stages of 25 convolutions, batch-normalised (the default)",
    "vgg15": "VGG-style, five stages of three convolutions, 64 to 256 filters, two dense layers of 1,024",
    "cnn4": "four convolutions, 32 to 128 filters: small and quick",
    "cnn3": "three convolutions, 64 to 512 filters",
    "cnn_plain": "plain 5x5 convolutions without padding: the baseline that underfits",
    "resblock": "a small residual network",
    "resnet18": "ResNet-18 with a 3x3 stem for small images",
    "resnet18_stem7": "ResNet-18 with the 7x7 stem of its paper",
}
# Networks that end in global average pooling: their weights are the same for images of any size.
ANY_SIZE = ("vgg25", "cnn3", "resblock", "resnet18", "resnet18_stem7")
DEFAULT_ARCHITECTURE = "vgg25"
