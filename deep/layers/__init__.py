"""Layers that the models are made of.

Each is an Equinox module, written and documented for *one example*, time first and features last,
the order that XLA's convolutions on the processor take as it is. `batched` applies a model to a
batch.

A layer computes in the type of its weights; mixed precision casts the model. Statistics and the
softmax are computed in float32 whatever the weights are.
"""

from deep.layers.attention import MultiHeadAttention
from deep.layers.batching import BATCH, batched
from deep.layers.convolution import Conv1d, Conv2d, DepthwiseConv1d
from deep.layers.linear import Linear
from deep.layers.normalisation import BatchNorm, InstanceNorm, LayerNorm
from deep.layers.pooling import average_pool, mean_and_max
from deep.layers.recurrent import BidirectionalLSTM
from deep.layers.stft import power_spectrogram, stft
from deep.layers.subject import SubjectLayer

__all__ = [
    "BATCH",
    "BatchNorm",
    "BidirectionalLSTM",
    "Conv1d",
    "Conv2d",
    "DepthwiseConv1d",
    "InstanceNorm",
    "LayerNorm",
    "Linear",
    "MultiHeadAttention",
    "SubjectLayer",
    "average_pool",
    "batched",
    "mean_and_max",
    "power_spectrogram",
    "stft",
]
