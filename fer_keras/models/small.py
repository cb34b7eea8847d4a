"""Small plain networks: quick to train, and baselines to stand ahead of.

A network takes rescaled images (N, 48, 48, 1) and returns features (N, C), which `registry.build` classifies.
"""

from fer_keras.models.layers import NamedLayers


def cnn4(x, net: NamedLayers, dropout: float = 0.5):
    """32 (5x5)-64-128-128 of conv-LeakyReLU-BN-pool, then a dense layer of 256; 538,951 trainable parameters.

    The network of a course report on FER2013: convolutions with bias, LeakyReLU of slope 0.05, normalised after it;
    then dense-ReLU-BN-dropout. 240,768 parameters are in the convolutions, 704 in their batch normalisations, 295,168
    in the dense layer, 512 in its batch normalisation and 1,799 in the seven logits.
    """
    for width, size in ((32, 5), (64, 3), (128, 3), (128, 3)):
        x = net.conv2d(width, size, bias=True)(x)
        x = net.leaky_relu(0.05)(x)
        x = net.batch_normalization()(x)
        x = net.max_pooling2d()(x)  # (N, 24, 24, 32) -> 12, 12, 64 -> 6, 6, 128 -> 3, 3, 128
    x = net.flatten()(x)  # (N, 1152)
    x = net.dense(256)(x)
    x = net.relu()(x)
    x = net.batch_normalization()(x)
    return net.dropout(dropout)(x)


def cnn3(x, net: NamedLayers, dropout: float = 0.4):
    """64-128-512 of 3x3 conv-BN-ReLU-pool, then global average pooling; 669,127 trainable parameters."""
    for width in (64, 128, 512):
        x = net.conv2d(width)(x)
        x = net.batch_normalization()(x)
        x = net.relu()(x)
        x = net.max_pooling2d()(x)  # (N, 24, 24, 64) -> 12, 12, 128 -> 6, 6, 512
    x = net.global_average_pooling2d()(x)  # (N, 512)
    return net.dropout(dropout)(x)


def cnn_plain(x, net: NamedLayers, dropout: float = 0.0):
    """8-8-16-16-32 of 5x5 conv (no padding)-BN-ReLU, pooled after every second; the baseline that underfits.

    25,263 trainable parameters: no shortcut, no padding, few filters and nothing against overfitting, because none
    comes.
    """
    for width, pool in ((8, False), (8, True), (16, False), (16, True), (32, False)):
        x = net.conv2d(width, 5, padding="valid")(x)
        x = net.batch_normalization()(x)
        x = net.relu()(x)  # (N, 44, 44, 8) -> 40, 40, 8 | 16, 16, 16 -> 12, 12, 16 | 2, 2, 32
        if pool:
            x = net.max_pooling2d()(x)  # (N, 20, 20, 8) -> 6, 6, 16
    x = net.flatten()(x)  # (N, 128)
    return net.dropout(dropout)(x)
