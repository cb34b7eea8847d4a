"""VGG-style networks: stages of 3x3 convolutions, each stage at half the resolution of the one before.

After Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2015
(arXiv:1409.1556), with batch normalisation. A network takes rescaled images (N, 48, 48, 1) and returns features
(N, C), which `registry.build` classifies.
"""

from fer_keras.models.layers import NamedLayers

VGG25_DEPTHS, VGG25_WIDTHS = (2, 2, 4, 7, 10), (32, 64, 96, 128, 128)
VGG15_WIDTHS = (64, 128, 128, 128, 256)


def vgg25(x, net: NamedLayers, dropout: float = 0.2):
    """25 conv-BN-ReLU blocks in five stages, identity shortcuts over pairs of them; 2,845,223 trainable parameters.

    Block k is conv2d_k, batch_normalization_k and activation_k. The first block of a stage widens it; those after it
    that make whole pairs are residual: the block's input is added before the second ReLU of the pair (He et al.,
    arXiv:1512.03385). The shortcuts have no parameters, so conv2d_k counts every convolution there is. The last batch
    normalisation of a pair scales by zero at first (Goyal et al., "Accurate, Large Minibatch SGD", 2017,
    arXiv:1706.02677): nine convolutions that grow into 25. Then global average pooling and dropout. docs/results.md
    has what widths and depths were chosen by. 2,838,816 parameters are in the convolutions, 5,504 in the batch
    normalisations and 903 in the seven logits.
    """
    # (N, 48, 48, 32) -> 24, 24, 64 -> 12, 12, 96 -> 6, 6, 128 -> 3, 3, 128 -> 128
    x = _residual_stages(x, net, VGG25_DEPTHS, VGG25_WIDTHS)
    return net.dropout(dropout)(x)


def vgg15(x, net: NamedLayers, dropout: float = 0.5):
    """Five stages of three conv-ReLU-BN blocks, then two dense layers of 1,024; 4,128,519 trainable parameters.

    The composition of the report: convolutions with bias, normalised after the ReLU, max pooling at the end of every
    stage, and dense-ReLU-dropout twice. 2,804,352 parameters are in the convolutions, 4,224 in the batch
    normalisations and 1,319,943 in the dense layers, the seven logits included.
    """
    for width in VGG15_WIDTHS:
        for _ in range(3):
            x = net.conv2d(width, bias=True)(x)
            x = net.relu()(x)
            x = net.batch_normalization()(x)
        x = net.max_pooling2d()(x)  # (N, 24, 24, 64) -> 12, 12, 128 -> 6, 6, 128 -> 3, 3, 128 -> 1, 1, 256
    x = net.flatten()(x)  # (N, 256)
    for _ in range(2):
        x = net.dense(1024)(x)
        x = net.relu()(x)
        x = net.dropout(dropout)(x)
    return x


def _residual_stages(x, net: NamedLayers, depths: tuple, widths: tuple):
    """Return (N, C) features."""
    for stage, (depth, width) in enumerate(zip(depths, widths, strict=True)):
        if stage:
            x = net.max_pooling2d()(x)
        plain = 2 - depth % 2  # the widening block, and one more where an odd number of blocks would be left
        for _ in range(plain):
            x = _conv_bn_relu(x, net, width)
        for _ in range((depth - plain) // 2):
            x = _residual_pair(x, net, width)
    return net.global_average_pooling2d()(x)


def _conv_bn_relu(x, net: NamedLayers, width: int):
    x = net.conv2d(width)(x)
    x = net.batch_normalization()(x)
    return net.relu()(x)


def _residual_pair(x, net: NamedLayers, width: int):
    shortcut = x
    x = _conv_bn_relu(x, net, width)
    x = net.conv2d(width)(x)
    x = net.batch_normalization(gamma=0.0)(x)  # the identity, at first
    x = net.add()([shortcut, x])
    return net.relu()(x)
