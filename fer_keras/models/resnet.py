"""Residual networks after He et al., "Deep Residual Learning for Image Recognition", 2016 (arXiv:1512.03385).

A network takes rescaled images (N, 48, 48, 1) and returns features (N, C), which `registry.build` classifies.
"""

from fer_keras.models.layers import NamedLayers

RESNET18_WIDTHS = (64, 128, 256, 512)


def resblock(x, net: NamedLayers, dropout: float = 0.4):
    """A 5x5 block, two residual 3x3 blocks, a second 5x5 block, two more; dropout grows with depth.

    The 5x5 blocks are conv (no padding)-BN-ReLU-pool and give 24 maps of 22x22, then 96 of 9x9. `dropout` is the rate
    before the logits; a quarter, a half and three quarters of it stand before. 412,591 trainable parameters.
    """
    x = _conv5_block(x, net, 24)  # (N, 22, 22, 24)
    x = net.dropout(dropout / 4)(x)
    x = _basic_block(x, net, 24)
    x = _basic_block(x, net, 24)
    x = net.dropout(dropout / 2)(x)
    x = _conv5_block(x, net, 96)  # (N, 9, 9, 96)
    x = net.dropout(dropout * 3 / 4)(x)
    x = _basic_block(x, net, 96)
    x = _basic_block(x, net, 96)
    x = net.global_average_pooling2d()(x)  # (N, 96)
    return net.dropout(dropout)(x)


def resnet18(x, net: NamedLayers, dropout: float = 0.0):
    """ResNet-18 with a 3x3 stem at full resolution, as is usual for small images; 11,171,271 trainable parameters."""
    x = net.conv2d(64, 3)(x)  # (N, 48, 48, 64)
    x = net.batch_normalization()(x)
    x = net.relu()(x)
    return _resnet18_stages(x, net, dropout)


def resnet18_stem7(x, net: NamedLayers, dropout: float = 0.0):
    """ResNet-18 as in the paper: 7x7 stem of stride 2, then 3x3 max pooling; 11,173,831 trainable parameters."""
    x = net.conv2d(64, 7, strides=2)(x)  # (N, 24, 24, 64)
    x = net.batch_normalization()(x)
    x = net.relu()(x)
    x = net.max_pooling2d(3, strides=2, padding="same")(x)  # (N, 12, 12, 64)
    return _resnet18_stages(x, net, dropout)


def _resnet18_stages(x, net: NamedLayers, dropout: float):
    for stage, width in enumerate(RESNET18_WIDTHS):
        x = _basic_block(x, net, width, strides=2 if stage else 1)  # halves height and width, but for the first stage
        x = _basic_block(x, net, width)
    x = net.global_average_pooling2d()(x)  # (N, 512)
    return net.dropout(dropout)(x)


def _conv5_block(x, net: NamedLayers, width: int):
    x = net.conv2d(width, 5, padding="valid")(x)
    x = net.batch_normalization()(x)
    x = net.relu()(x)
    return net.max_pooling2d()(x)


def _basic_block(x, net: NamedLayers, width: int, *, strides: int = 1):
    """Two 3x3 convolutions beside a shortcut: the identity, or a 1x1 projection where the block changes the shape."""
    shortcut = x
    if strides > 1 or x.shape[-1] != width:
        shortcut = net.conv2d(width, 1, strides=strides, prefix="shortcut_")(x)
        shortcut = net.batch_normalization(prefix="shortcut_")(shortcut)
    x = net.conv2d(width, strides=strides)(x)
    x = net.batch_normalization()(x)
    x = net.relu()(x)
    x = net.conv2d(width)(x)
    x = net.batch_normalization()(x)
    x = net.add()([shortcut, x])
    return net.relu()(x)
