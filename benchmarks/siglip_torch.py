"""The network of the thesis in PyTorch, as fast as PyTorch runs it: the peer of deep_step.py.

Features stand before time, which is the order that convolutions of PyTorch take. What it computes
is in deep/siglip_network.py; the numbers of inputs and outputs are those of reference [1].

[1] https://doi.org/10.1088/1741-2552/adc8d6
"""

import math

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
        x = torch.baddbmm(eeg, self.subjects[subject].transpose(1, 2), eeg)
        x = self.eeg_first(x)
        for block in self.eeg_blocks:
            x = x + instance_norm(F.dropout(block(x), self.dropouts[0], self.training))
        return self.eeg_last(x)

    def encode_envelopes(self, envelopes):
        x = self.envelope_first(F.relu(envelopes))
        for block in self.envelope_blocks:
            x = F.dropout(instance_norm(block(x)), self.dropouts[1], self.training)
        return self.envelope_last(x)

    def reconstruct(self, x):
        x = self.reconstruction_first(x)
        for block in self.reconstruction_blocks:
            x = instance_norm(F.dropout(block(x), self.dropouts[2], self.training))
        return F.gelu(self.reconstruction_last(x))[:, 0]

    def forward(self, eeg, attended, subject):
        """(n, channels, times), (n, envelopes, times), (n,) -> two embeddings, reconstruction."""
        embedded = self.encode_eeg(eeg, subject)
        return embedded, self.encode_envelopes(attended), self.reconstruct(embedded)


def unit(x):
    """Standardise over time and features together, then divide by the norm."""
    x = x.flatten(1)
    variance, mean = torch.var_mean(x, dim=1, correction=1, keepdim=True)
    return F.normalize((x - mean) / variance.sqrt(), dim=1)


def correlation(x, y):
    x, y = x - x.mean(1, keepdim=True), y - y.mean(1, keepdim=True)
    return (x * y).sum(1) / (x.norm(dim=1) * y.norm(dim=1))


def loss(model, eeg, attended, subject):
    """Contrastive loss of the pairs, minus the correlation with the broadband envelope."""
    e, a, reconstruction = model(eeg, attended, subject)
    logits = model.log_temperature.exp() * (unit(e) @ unit(a).T) + model.bias
    signs = 2 * torch.eye(len(e), device=e.device) - 1
    contrast = -F.logsigmoid(signs * logits).sum() / len(e)
    return contrast - correlation(reconstruction, attended[:, -1]).mean()
