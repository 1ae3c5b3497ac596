"""Electrodes as EEGLAB describes them (`chanlocs`), in the files of CND sets."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from cocktailparty.datasets.readers.arrays import text, unwrapped
from cocktailparty.electrodes.biosemi import BIOSEMI_64, head_positions

# EEGLAB's two-dimensional layouts carry these entries beside the electrodes.
_NO_ELECTRODE = {"COMNT", "SCALE"}
# The head of MNE's figures, in metres.
_HEAD_RADIUS = 0.095
# On a spherical head nasion and ears are 115 degrees from the vertex: the origin of the head is as
# much of a radius below the middle of the sphere.
_ORIGIN = np.array([0.0, 0.0, np.sin(np.radians(25.0))])
# EEGLAB states no unit. Median distances of electrodes from the middle of the head that tell it:
# metres, a unit sphere (or decimetres, almost the same), centimetres, millimetres.
_UNITS = ((0.05, 0.2, 1.0), (0.5, 2.0, None), (5.0, 20.0, 1e-2), (50.0, 200.0, 1e-3))
# Electrodes whose distances differ by less than this share are on a sphere.
_SPHERE = 0.01


def read_chanlocs(chanlocs: Any, what: str) -> tuple[list[str] | None, np.ndarray | None]:
    """Read names and places of electrodes.

    Parameters
    ----------
    chanlocs : ndarray of structs or None
        As `cocktailparty.datasets.readers.arrays.read_mat_struct` gives it.
    what : str
        File and name of the variable in messages.

    Returns
    -------
    names : list of str or None
        Names of the channels.
    positions : ndarray of shape (n_channels, 3) or None
        As `Trial.channel_positions`; NaN for channels without a place, None if no channel has one.
        EEGLAB's X points to the nose and its Y to the left ear; without them the angle and radius
        of its flat map are taken. A unit sphere becomes one of 95 mm. A sphere around the origin
        is moved to where the head coordinates of MNE have it.

    Raises
    ------
    ValueError
        If a name is no text.

    Warns
    -----
    UserWarning
        If the distances fit no unit of length, so that positions are left out.
    """
    if chanlocs is None or not np.size(chanlocs):
        return None, None
    channels = [
        (label, channel)
        for channel in np.ravel(chanlocs)
        if (label := text(channel.labels, what)) not in _NO_ELECTRODE
    ]
    names = [label for label, _ in channels]
    places = np.array([_cartesian(channel) for _, channel in channels]).reshape(-1, 3)
    if np.isnan(places).any(axis=1).all():
        places = np.array([_of_flat_map(channel) for _, channel in channels]).reshape(-1, 3)
    # Zeros are written where a position is unknown.
    places[np.isnan(places).any(axis=1) | ~places.any(axis=1)] = np.nan
    if np.isnan(places).all():
        return names, None
    distances = np.linalg.norm(places, axis=1)
    typical = float(np.nanmedian(distances))
    for low, high, scale in _UNITS:
        if low <= typical <= high:
            # What lies far outside of the head is no place of an electrode.
            places[distances > 2 * typical] = np.nan
            if np.nanmax(np.abs(distances - typical)[distances <= 2 * typical]) < _SPHERE * typical:
                places += typical * _ORIGIN
            return names, places * (_HEAD_RADIUS / typical if scale is None else scale)
    warnings.warn(
        f"{what}: the electrodes are {typical:g} from the middle of the head, expected metres, "
        "centimetres, millimetres or a sphere of radius 1: their positions are left out, give them "
        "by cocktailparty.electrodes.with_montage or --montage",
        stacklevel=2,
    )
    return names, None


def written_chanlocs(names: Sequence[str], positions: np.ndarray | None = None) -> np.ndarray:
    """Describe electrodes as EEGLAB does.

    Parameters
    ----------
    names : sequence of str
        Names of the channels.
    positions : ndarray of shape (n_channels, 3), optional
        As `Trial.channel_positions`; written in millimetres, those on the sphere of a cap from its
        middle on. None takes a unit sphere if all channels have the names of the 64-channel
        BioSemi cap, and no positions otherwise.

    Returns
    -------
    chanlocs : structured ndarray of shape (1, n_channels)
        For `scipy.io.savemat`.
    """
    columns: dict[str, Sequence[Any]] = {"labels": names}
    places: np.ndarray | None = None
    if positions is not None:
        places = 1e3 * np.asarray(positions)
        centred = places - 1e3 * _HEAD_RADIUS * _ORIGIN
        radii = np.linalg.norm(centred, axis=1) / (1e3 * _HEAD_RADIUS)
        if np.nanmax(np.abs(radii - 1)) < _SPHERE:
            places = centred
    elif set(names) <= set(BIOSEMI_64):
        places = head_positions(names)
    if places is not None:
        right, nose, up = places.T
        # EEGLAB looks along the nose: angles in degrees clockwise from it, the equator at 1/2.
        columns["theta"] = np.degrees(np.arctan2(right, nose))
        columns["radius"] = np.degrees(np.arctan2(np.hypot(right, nose), up)) / 180
        columns |= {"X": nose, "Y": -right, "Z": up}
    rows = np.empty((1, len(names)), dtype=[(column, object) for column in columns])
    for column, values in columns.items():
        for i, value in enumerate(values):
            # EEGLAB leaves empty what is unknown.
            unknown = column != "labels" and np.isnan(value)
            rows[column][0, i] = np.zeros((0, 0)) if unknown else value
    return rows


def _cartesian(channel: Any) -> tuple[float, float, float]:
    nose, left, up = (_value(channel, name) for name in "XYZ")
    return -left, nose, up


def _of_flat_map(channel: Any) -> tuple[float, float, float]:
    angle = np.radians(_value(channel, "theta"))
    inclination = np.pi * _value(channel, "radius")
    flat = np.sin(inclination)
    return flat * np.sin(angle), flat * np.cos(angle), np.cos(inclination)


def _value(channel: Any, name: str) -> float:
    """Give a number of a channel, NaN if it has none."""
    value = unwrapped(getattr(channel, name, np.nan))
    numeric = value.dtype.kind in "iuf" and value.size == 1 and np.isfinite(value).all()
    return float(value.item()) if numeric else float("nan")
