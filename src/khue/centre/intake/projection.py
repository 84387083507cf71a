"""VN-2000 plane coordinates of Hanoi to WGS 84: central meridian 105°00', three-degree zone, scale 0.9999.

The ellipsoid is that of WGS 84; the seven parameters are those of Decision 05/2007/QĐ-BTNMT. Transverse Mercator by Krüger's
series to the third order of n: better than a millimetre in a three-degree zone.
"""

from __future__ import annotations

import math

_A = 6378137.0
_F = 1 / 298.257223563
_E2 = _F * (2 - _F)
_N = _F / (2 - _F)
_RADIUS = _A / (1 + _N) * (1 + _N**2 / 4 + _N**4 / 64)
_MERIDIAN = math.radians(105.0)
_SCALE = 0.9999
_FALSE_EASTING = 500_000.0
_BETA = (_N / 2 - 2 * _N**2 / 3 + 37 * _N**3 / 96, _N**2 / 48 + _N**3 / 15, 17 * _N**3 / 480)
_DELTA = (2 * _N - 2 * _N**2 / 3 - 2 * _N**3, 7 * _N**2 / 3 - 8 * _N**3 / 5, 56 * _N**3 / 15)
_SECOND = math.radians(1 / 3600)
# VN-2000 -> WGS 84, position vector: metres, seconds of arc, parts per million.
_SHIFT = (-191.90441429, -39.30318279, -111.45032835)
_TURN = (-0.00928836 * _SECOND, 0.01975479 * _SECOND, -0.00427372 * _SECOND)
_GROWTH = 1 + 0.252906278e-6


def from_vn2000(northing: float, easting: float) -> tuple[float, float]:
    """(latitude, longitude) in WGS 84 degrees of a point in metres; on maps of Vietnam northing is X and easting is Y."""
    latitude, longitude = _unproject(northing, easting)
    normal = _A / math.sqrt(1 - _E2 * math.sin(latitude) ** 2)
    x = normal * math.cos(latitude) * math.cos(longitude)
    y = normal * math.cos(latitude) * math.sin(longitude)
    z = normal * (1 - _E2) * math.sin(latitude)
    (dx, dy, dz), (rx, ry, rz) = _SHIFT, _TURN
    return _geographic(
        dx + _GROWTH * (x - rz * y + ry * z),
        dy + _GROWTH * (rz * x + y - rx * z),
        dz + _GROWTH * (-ry * x + rx * y + z),
    )


def _unproject(northing: float, easting: float) -> tuple[float, float]:
    xi = northing / (_SCALE * _RADIUS)
    eta = (easting - _FALSE_EASTING) / (_SCALE * _RADIUS)
    xi_, eta_ = xi, eta
    for order, beta in enumerate(_BETA, 1):
        xi_ -= beta * math.sin(2 * order * xi) * math.cosh(2 * order * eta)
        eta_ -= beta * math.cos(2 * order * xi) * math.sinh(2 * order * eta)
    chi = math.asin(math.sin(xi_) / math.cosh(eta_))
    latitude = chi + sum(delta * math.sin(2 * order * chi) for order, delta in enumerate(_DELTA, 1))
    return latitude, _MERIDIAN + math.atan2(math.sinh(eta_), math.cos(xi_))


def _geographic(x: float, y: float, z: float) -> tuple[float, float]:
    across = math.hypot(x, y)
    latitude = math.atan2(z, across * (1 - _E2))
    for _ in range(5):
        normal = _A / math.sqrt(1 - _E2 * math.sin(latitude) ** 2)
        latitude = math.atan2(z + _E2 * normal * math.sin(latitude), across)
    return math.degrees(latitude), math.degrees(math.atan2(y, x))
