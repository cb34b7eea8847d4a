"""Muon: SGD whose steps change a convolution's kernel as much in every direction.

The gradient of a kernel lies mostly along a few directions, and so does SGD's step. Muon's step is the matrix nearest
to the momentum whose singular values are all one: Jordan et al., "Muon: An optimizer for hidden layers in neural
networks", 2024 (kellerjordan.github.io/posts/muon). docs/results.md has what it gains here.

`keras.optimizers.Muon` gives this step to dense kernels alone, and Adam's to convolutions.
"""

import keras
from keras import ops

# The quintic whose iterates take every singular value of 0.01 to 1 to about 0.7 to 1.2 (Jordan et al. 2024).
QUINTIC = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
KERNEL_RMS = 0.04  # root of the mean square of a kernel's step at a learning rate of 1


@keras.saving.register_keras_serializable("fer_keras")
class Muon(keras.optimizers.SGD):
    """`keras.optimizers.SGD` with Nesterov momentum, whose kernels of convolutions take orthogonal steps.

    Everything else (dense kernels, biases, scales and offsets) takes SGD's own steps. SGD's learning rate and decoupled
    weight decay fit both: kernels before batch normalisation grow or shrink until step and decay balance, and the share
    of them that changes in a step is then up to rate and decay alone (Wan et al., "Spherical motion dynamics", 2020,
    arXiv:2006.08419). KERNEL_RMS says how soon.
    """

    def __init__(self, learning_rate=0.1, momentum=0.9, nesterov=True, **options):
        super().__init__(learning_rate=learning_rate, momentum=momentum, nesterov=nesterov, **options)

    def update_step(self, gradient, variable, learning_rate):
        if len(variable.shape) != 4:
            super().update_step(gradient, variable, learning_rate)
            return
        rate = ops.cast(learning_rate, variable.dtype)
        direction = self._with_momentum(gradient, variable)
        matrix = ops.reshape(direction, (-1, variable.shape[-1]))  # (K L C, F): a filter a column
        # An orthogonal step of n x m, n >= m, has the sum of squares m: times sqrt(n) its mean square is 1.
        scale = KERNEL_RMS * max(matrix.shape) ** 0.5
        self.assign_sub(variable, ops.reshape(rate * scale * orthogonalised(matrix), variable.shape))

    def _with_momentum(self, gradient, variable):
        if not self.momentum:
            return gradient
        momentum = self.momentums[self._get_variable_index(variable)]
        self.assign(momentum, self.momentum * momentum + gradient)
        return gradient + self.momentum * momentum if self.nesterov else momentum


def orthogonalised(matrix):
    """Return the matrix, float32 (n, m), with singular values of 0.7 to 1.2 in the place of its own, vectors kept.

    Those below about a thousandth of the root of the sum of their squares stay smaller. A matrix of zeros stays one.
    The iteration X -> a X + b X XᵀX + c X (XᵀX)² is carried out on the smaller of XᵀX and X Xᵀ alone: its factors are
    polynomials in that, so that X itself is multiplied once.
    """
    wide = matrix.shape[0] < matrix.shape[1]
    x = ops.transpose(matrix) if wide else matrix
    x = x / (ops.norm(x) + 1e-7)
    gram = ops.matmul(ops.transpose(x), x)
    a, b, c = QUINTIC
    unit = ops.eye(gram.shape[0], dtype=gram.dtype)
    product = None
    for step in range(ITERATIONS):
        factor = a * unit + b * gram + c * ops.matmul(gram, gram)
        product = factor if product is None else ops.matmul(product, factor)
        if step + 1 < ITERATIONS:
            gram = ops.matmul(ops.matmul(factor, gram), factor)
    x = ops.matmul(x, product)
    return ops.transpose(x) if wide else x
