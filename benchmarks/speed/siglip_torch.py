"""The network of the thesis in PyTorch, as fast as PyTorch runs it: the peer of deep_step.py.

Features stand before time, which is the order that convolutions of PyTorch take; attention is the
fused one of PyTorch, whose backward pass makes the maps again. What is computed is told in
deep/siglip_network.py and deep/losses.py.
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class SameConv(nn.Conv1d):
    """Output as long as the input; an even kernel reaches one sample more ahead."""

    def __init__(self, n_inputs, n_outputs, size):
        super().__init__(n_inputs, n_outputs, size)
        left = (size - 1) // 2
        self.around = (left, size - 1 - left)

    def forward(self, x):
        """Convolve."""
        left, right = self.around
        if left == right:
            return F.conv1d(x, self.weight, self.bias, padding=left)
        return F.conv1d(F.pad(x, self.around), self.weight, self.bias)


class Attention(nn.Module):
    """Self-attention over time of (n_examples, n_features, n_times)."""

    def __init__(self, n_features, n_heads, fused):
        super().__init__()
        self.projection = nn.Linear(n_features, 3 * n_features)
        self.output = nn.Linear(n_features, n_features)
        self.n_heads, self.fused = n_heads, fused

    def forward(self, x):
        """Mix the times."""
        n, n_features, n_times = x.shape
        size = n_features // self.n_heads
        projected = self.projection(x.transpose(1, 2)).view(n, n_times, 3, self.n_heads, size)
        q, k, v = projected.permute(2, 0, 3, 1, 4).contiguous().unbind(0)
        if self.fused:
            heads = F.scaled_dot_product_attention(q, k, v)
        else:
            heads = torch.softmax((q / math.sqrt(size)) @ k.transpose(2, 3), dim=-1) @ v
        heads = heads.transpose(1, 2).reshape(n, n_times, n_features)
        return self.output(heads).transpose(1, 2)


class Block(nn.Module):
    """Convolution, then attention with a skip."""

    def __init__(self, n_features, size, n_heads, fused):
        super().__init__()
        self.conv = SameConv(n_features, n_features, size)
        self.attention = Attention(n_features, n_heads, fused)

    def forward(self, x):
        """Mix the times."""
        y = self.conv(x)
        return y + self.attention(y)


def instance_norm(x):
    variance, mean = torch.var_mean(x, dim=2, correction=0, keepdim=True)
    return (x - mean) * torch.rsqrt(variance + 1e-5)


class SigLIP(nn.Module):
    """EEG encoder, envelope encoder and reconstructor."""

    def __init__(
        self, n_subjects=32, n_channels=64, n_envelopes=33, embedding=8, width=32,
        sizes=(30, 20, 40), n_heads=2, eeg_dropout=0.2, envelope_dropout=0.4,
        reconstruction_dropout=0.2, temperature=10.0, bias=10.0, fused=True,
    ):  # fmt: skip
        super().__init__()
        self.subjects = nn.Parameter(
            torch.randn(n_subjects + 1, n_channels, n_channels) / math.sqrt(n_channels)
        )
        self.eeg_first = SameConv(n_channels, embedding, 3)
        self.eeg_blocks = nn.ModuleList([Block(embedding, k, n_heads, fused) for k in sizes])
        self.eeg_last = nn.Conv1d(embedding, embedding, 1)
        self.envelope_first = SameConv(n_envelopes, embedding, 3)
        self.envelope_blocks = nn.ModuleList([Block(embedding, k, n_heads, fused) for k in sizes])
        self.envelope_last = nn.Conv1d(embedding, embedding, 1)
        self.reconstruction_first = SameConv(embedding, width, 13)
        self.reconstruction_blocks = nn.ModuleList(
            [Block(width, k, n_heads, fused) for k in sizes[::-1]]
        )
        self.reconstruction_last = nn.Conv1d(width, 1, 1)
        self.log_temperature = nn.Parameter(torch.tensor(math.log(temperature)))
        self.bias = nn.Parameter(torch.tensor(-bias))
        self.dropouts = (eeg_dropout, envelope_dropout, reconstruction_dropout)

    def encode_eeg(self, eeg, subject):
        """Embed (n, channels, times)."""
        x = torch.baddbmm(eeg, self.subjects[subject].transpose(1, 2), eeg)
        x = self.eeg_first(x)
        for block in self.eeg_blocks:
            x = x + instance_norm(F.dropout(block(x), self.dropouts[0], self.training))
        return self.eeg_last(x)

    def encode_envelopes(self, envelopes):
        """Embed (n, bands, times)."""
        x = self.envelope_first(F.relu(envelopes))
        for block in self.envelope_blocks:
            x = F.dropout(instance_norm(block(x)), self.dropouts[1], self.training)
        return self.envelope_last(x)

    def reconstruct(self, x):
        """Make the envelope, (n, times), of an embedding."""
        x = self.reconstruction_first(x)
        for block in self.reconstruction_blocks:
            x = instance_norm(F.dropout(block(x), self.dropouts[2], self.training))
        return F.gelu(self.reconstruction_last(x))[:, 0]

    def forward(self, eeg, stimuli, subject):
        """Embed (n, channels, times) and (n, stimuli, bands, times), and reconstruct."""
        embedded = self.encode_eeg(eeg, subject)
        sounds = self.encode_envelopes(stimuli.flatten(0, 1)).unflatten(0, stimuli.shape[:2])
        return embedded, sounds, self.reconstruct(embedded)


def unit(x):
    """Take the mean over features and times off, then divide by the norm over both."""
    x = x.flatten(-2)
    return F.normalize(x - x.mean(-1, keepdim=True), dim=-1)


def correlation(x, y):
    x, y = x - x.mean(1, keepdim=True), y - y.mean(1, keepdim=True)
    return (x * y).sum(1) / (x.norm(dim=1) * y.norm(dim=1))


def loss(model, eeg, stimuli, subject):
    """Contrast of the pairs and with further stimuli, minus the mean correlation."""
    e, sounds, reconstruction = model(eeg, stimuli, subject)
    e, sounds = unit(e), unit(sounds)
    scale = model.log_temperature.exp()
    logits = scale * (e @ sounds[:, 0].T) + model.bias
    signs = 2 * torch.eye(len(e), device=e.device) - 1
    total = F.logsigmoid(signs * logits).sum()
    if sounds.shape[1] > 1:
        hard = (sounds[:, 1:] @ e[:, :, None])[..., 0]
        total = total + F.logsigmoid(-(scale * hard + model.bias)).sum()
    return -total / len(e) - correlation(reconstruction, stimuli[:, 0, -1]).mean()


def copy_weights(network, model):
    """Give `model` the weights of a `deep.siglip.networks.thesis.ThesisNetwork`."""
    for ours, theirs in matched(network, model):
        with torch.no_grad():
            theirs.copy_(torch.tensor(ours))


def matched(network, model, part=lambda tensor: tensor):
    """Pairs of NumPy arrays of a network, in the order of axes of PyTorch, and a part of tensors.

    Parameters
    ----------
    network : ThesisNetwork
        Or its gradient.
    model : SigLIP
        Its twin.
    part : callable
        Applied to the parameters of the twin.
    """

    def of_layer(ours, theirs):
        weight = np.array(ours.weight)
        yield weight.transpose(range(weight.ndim)[::-1]), theirs.weight
        yield np.array(ours.bias), theirs.bias

    def of_stack(ours, name):
        yield from of_layer(ours.first, getattr(model, f"{name}_first"))
        yield from of_layer(ours.last, getattr(model, f"{name}_last"))
        for block, other in zip(ours.blocks, getattr(model, f"{name}_blocks"), strict=True):
            yield from of_layer(block.convolution, other.conv)
            yield from of_layer(block.attention.projection, other.attention.projection)
            yield from of_layer(block.attention.output, other.attention.output)

    pairs = [
        (np.array(network.subjects.weight), model.subjects),
        (np.array(network.log_temperature), model.log_temperature),
        (np.array(network.bias), model.bias),
        *of_stack(network.eeg_encoder, "eeg"),
        *of_stack(network.sound_encoder, "envelope"),
        *of_stack(network.reconstructor, "reconstruction"),
    ]
    return [(ours.copy(), part(theirs)) for ours, theirs in pairs]
