"""Names and places of the electrodes of BioSemi caps, for data sets and simulations without MNE."""

from collections.abc import Sequence

import numpy as np

# Name, inclination from the vertex and azimuth from the right ear, counterclockwise, in degrees, as
# the maker gives them (https://www.biosemi.com/headcap.htm).
_CAP_64 = """
Fp1 92 108  AF7 92 126  AF3 74 115  F1 50 112  F3 60 129  F5 75 139  F7 92 144  FT7 92 162
FC5 72 159  FC3 50 152  FC1 32 135  C1 23 180  C3 46 180  C5 69 180  T7 92 180  TP7 92 198
CP5 72 201  CP3 50 208  CP1 32 225  P1 50 248  P3 60 231  P5 75 221  P7 92 216  P9 115 216
PO7 92 234  PO3 74 245  O1 92 252  Iz 115 270  Oz 92 270  POz 69 270  Pz 46 270  CPz 23 270
Fpz 92 90  Fp2 92 72  AF8 92 54  AF4 74 65  AFz 69 90  Fz 46 90  F2 50 68  F4 60 51
F6 75 41  F8 92 36  FT8 92 18  FC6 72 21  FC4 50 28  FC2 32 45  FCz 23 90  Cz 0 0
C2 23 0  C4 46 0  C6 69 0  T8 92 0  TP8 92 342  CP6 72 339  CP4 50 332  CP2 32 315
P2 50 292  P4 60 309  P6 75 319  P8 92 324  P10 115 324  PO8 92 306  PO4 74 295  O2 92 288
"""
_CAP_32 = """
Fp1 AF3 F7 F3 FC1 FC5 T7 C3 CP1 CP5 P7 P3 Pz PO3 O1 Oz
O2 PO4 P4 P8 CP6 CP2 C4 T8 FC6 FC2 F4 F8 AF4 Fp2 Fz Cz
"""

#: Channel names of the cap with 32 electrodes, in recording order.
BIOSEMI_32 = tuple(_CAP_32.split())

#: Channel names of the cap with 64 electrodes, in recording order.
BIOSEMI_64 = tuple(_CAP_64.split()[::3])

#: Channel names of the cap with 128 electrodes, in recording order.
BIOSEMI_128 = tuple(f"{bank}{i}" for bank in "ABCD" for i in range(1, 33))

_INCLINATION = dict(zip(BIOSEMI_64, map(float, _CAP_64.split()[1::3]), strict=True))
_AZIMUTH = dict(zip(BIOSEMI_64, map(float, _CAP_64.split()[2::3]), strict=True))


def biosemi_names(n_channels: int) -> tuple[str, ...]:
    """List 1 to 64 channels of a BioSemi cap in recording order, spread over the head.

    32 and 64 are the whole caps; fewer are taken from the smaller cap that has enough of them.
    Raises a ValueError if no cap has this many channels.

    Examples
    --------
    >>> biosemi_names(4)
    ('C3', 'Oz', 'T8', 'Cz')
    """
    if not 1 <= n_channels <= len(BIOSEMI_64):
        raise ValueError(f"n_channels must be 1 to {len(BIOSEMI_64)}, got {n_channels}")
    cap = BIOSEMI_32 if n_channels <= len(BIOSEMI_32) else BIOSEMI_64
    # Neighbours in recording order are neighbours on the head, so equal steps spread well.
    backwards = [cap[-1 - i * len(cap) // n_channels] for i in range(n_channels)]
    return tuple(reversed(backwards))


def head_positions(channel_names: Sequence[str]) -> np.ndarray:
    """Look up places on a spherical head, (n_channels, 3), by names of the 64-channel cap.

    Points lie on the unit sphere: x to the right ear, y to the nose, z to the vertex. Raises a
    ValueError if the position of a channel is unknown.

    Examples
    --------
    >>> head_positions(["Cz", "T8"]).round(2) + 0.0
    array([[ 0.  ,  0.  ,  1.  ],
           [ 1.  ,  0.  , -0.03]])
    """
    unknown = [name for name in channel_names if name not in _INCLINATION]
    if unknown:
        raise ValueError(f"no position is known for channel(s) {unknown}: use {BIOSEMI_64}")
    inclination = np.radians([_INCLINATION[name] for name in channel_names])
    azimuth = np.radians([_AZIMUTH[name] for name in channel_names])
    return np.stack(
        [
            np.sin(inclination) * np.cos(azimuth),
            np.sin(inclination) * np.sin(azimuth),
            np.cos(inclination),
        ],
        axis=1,
    )
